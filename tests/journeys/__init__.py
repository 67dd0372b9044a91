"""What a person does, in a real browser, with everything behind it as processes of its own."""
