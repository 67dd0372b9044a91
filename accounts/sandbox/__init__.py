"""A small server that plays the e-mail providers: for the demo, the tests and anyone without an account.

Standard library only, and nothing of the product: it is written from the providers' public documentation, so a
misreading in our clients meets a second opinion. One more provider is one module with an `accounts.sandbox.app.Provider`
and one line in `accounts.sandbox.app.PROVIDERS`.
"""
