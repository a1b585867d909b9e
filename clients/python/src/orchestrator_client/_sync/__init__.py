"""The Synchronous client. Its synchronous twin is made from it."""
# Made from _async/__init__.py by generator/; not edited by hand.
