"""What every log line carries: the id of the request that it belongs to, and which site and instance it is about."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="-")

_NOTHING: Mapping[str, Any] = {}
_about: ContextVar[Mapping[str, Any]] = ContextVar("about", default=_NOTHING)


@contextmanager
def of_request(name: str) -> Iterator[None]:
    """For one request or task: lines carry `name`, and nothing that an earlier one on this thread was about."""
    named, about = request_id.set(name), _about.set(_NOTHING)
    try:
        yield
    finally:
        _about.reset(about)
        request_id.reset(named)


def about(**ids: Any) -> None:
    """To the end of the request or task, lines carry `ids` too: `site_id`, `instance_id`, `incarnation`."""
    _about.set({**_about.get(), **ids})


@contextmanager
def within(**ids: Any) -> Iterator[None]:
    """The same for the length of a `with` block."""
    token = _about.set({**_about.get(), **ids})
    try:
        yield
    finally:
        _about.reset(token)


def subject() -> Mapping[str, Any]:
    """What lines are about just now."""
    return _about.get()


class WithContext(logging.Filter):
    """Adds `request_id` to each record, and what it is about. Words that a line brings along itself stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        for name, value in _about.get().items():
            record.__dict__.setdefault(name, str(value))
        return True


class Line(logging.Formatter):
    """A line for people: what it is about stands behind the request's id."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        known = _about.get()
        words = [f"{name.removesuffix('_id')}={getattr(record, name, '')}" for name in known]
        record.context = " ".join([str(getattr(record, "request_id", "-")), *words])
        return super().formatMessage(record)
