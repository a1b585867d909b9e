"""The composition root: imports every part, and is imported by none."""

from orchestrator.celery import app as celery_app

__all__ = ["celery_app"]
