"""The platform's Celery application with leases of seconds, so that what a killed worker held is soon free again."""

from __future__ import annotations

import django

django.setup()

from instances import lifecycle  # noqa: E402 - needs Django set up
from orchestrator.celery import app  # noqa: E402

__all__ = ["app"]

lifecycle.LEASE_S = 4.0
