"""One thing done to many people: the statements of each action, and how they are driven chunk by chunk.

Begun by `services.begin_bulk`; a few people are done at once, more from the outbox.
"""
