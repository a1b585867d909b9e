"""The Celery application, and the signs of life that its processes give."""

from __future__ import annotations

import os
import threading
from typing import Any

from celery import Celery
from celery.signals import (
    after_task_publish,
    beat_init,
    before_task_publish,
    celeryd_init,
    setup_logging,
    worker_ready,
    worker_shutting_down,
)

from common import heartbeats, logs, metrics, tracing
from orchestrator.observed import ObservedTask

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

app = Celery("orchestrator", task_cls=ObservedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="periodic")

WORKER_SIGN_EVERY_S = 5.0
_down = threading.Event()


@setup_logging.connect
def keep_django_logging(**_: Any) -> None:
    """Connected only so that Celery leaves Django's logging as it is."""


@before_task_publish.connect
def carry_context(headers: dict[str, Any], **_: Any) -> None:
    """A task's lines and spans belong to the request that asked for it."""
    headers.update(tracing.headers(), request_id=logs.request_id.get())


@celeryd_init.connect
def name_worker(**_: Any) -> None:
    metrics.name_process("worker")
    metrics.serve_where_asked()


@worker_ready.connect
def begin_signs_of_life(**_: Any) -> None:
    """A thread of the worker says every few seconds that it lives."""
    threading.Thread(target=_sign, name="sign-of-life", daemon=True).start()


@worker_shutting_down.connect
def end_signs_of_life(**_: Any) -> None:
    _down.set()


@beat_init.connect
def watch_beat(**_: Any) -> None:
    """In beat's own process each message sent is its sign of life."""
    metrics.name_process("beat")
    after_task_publish.connect(_beat_sent, weak=False)


def _beat_sent(**_: Any) -> None:
    heartbeats.mark("beat")


def _sign() -> None:
    while True:
        heartbeats.mark("worker")
        if _down.wait(WORKER_SIGN_EVERY_S):
            return
