"""The Asynchronous client. Its synchronous twin is made from it."""
