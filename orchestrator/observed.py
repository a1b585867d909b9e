"""What every task of ours is: timed, traced, and its lines under the id of the request that asked for it."""

from __future__ import annotations

import time
import uuid
from typing import Any

from celery import Task

from common import logs, metrics, tracing

TASKS = metrics.histogram("task", "How long a task ran.", ("task", "outcome"), buckets_s=metrics.SLOW_S)


class ObservedTask(Task):
    """The base of every shared task, set where the Celery application is made."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        sent = _sent(self)
        began, outcome = time.perf_counter(), "failed"
        try:
            with (
                logs.of_request(sent.get("request_id") or uuid.uuid4().hex),
                tracing.span(f"task.{self.name}", kind="consumer", parent=sent),
            ):
                result = super().__call__(*args, **kwargs)
                outcome = "done"
                return result
        finally:
            TASKS.labels(str(self.name), outcome).observe(time.perf_counter() - began)


def _sent(task: Task) -> dict[str, str]:
    """Which of the message's headers are ours; a task that is called directly has none."""
    found = {name: task.request.get(name) for name in ("traceparent", "tracestate", "request_id")}
    return {name: value for name, value in found.items() if isinstance(value, str) and value != "-"}
