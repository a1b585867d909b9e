"""Who follows instances from above: tasks, sent by name when one goes down, since nothing here knows them."""

from __future__ import annotations

import logging
from functools import partial

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

WORTH_S = 10.0


def tell_on_commit(*, using: str) -> None:
    """Send `TASKS_WHEN_DOWN` when the transaction open on `using` commits: sooner than they would look anyway."""
    for name in settings.TASKS_WHEN_DOWN:
        transaction.on_commit(partial(_send, name), using=using, robust=True)


def _send(name: str) -> None:
    try:
        current_app.send_task(name, expires=WORTH_S)
    except OperationalError as error:
        logger.warning("broker is away, %s waits for its own time: %s", name, error)
