"""Whole journeys over the running platform: real Postgres, Redis, Celery, gateway, sandboxes and desktops."""
