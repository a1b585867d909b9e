"""A file of the host by its path."""

from prelude import facts, reads

reads(facts["file"])
