"""Faults at every seam of every step, and what becomes of the instance: nothing leaked, stuck or doubled."""
