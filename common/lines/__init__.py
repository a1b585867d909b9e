"""Connections that the event loop itself speaks over, for the few answers that must not wait for a thread's turn."""
