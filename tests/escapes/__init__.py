"""Attempts to get out of a machine, each of which would be seen if it got through."""
