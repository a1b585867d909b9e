"""Recordings of instances: asked for and ended by services, made by threads of the worker, kept in the object store."""
