"""Spans of OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT says where they go; nothing of it is imported otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Literal, Protocol

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | int | float | bool


class Span(Protocol):
    """What one may say of a span that is open."""

    def note(self, **attributes: Value) -> None: ...

    def fail(self, why: str) -> None: ...


class Tracer(Protocol):
    """`common.opentelemetry.Tracer` is the real one."""

    def span(
        self, name: str, kind: Kind, parent: Mapping[str, str] | None, attributes: Mapping[str, Value]
    ) -> AbstractContextManager[Span]: ...

    def headers(self) -> dict[str, str]: ...


class _Untraced:
    def note(self, **attributes: Value) -> None:
        pass

    def fail(self, why: str) -> None:
        pass


_NO_SPAN = nullcontext[Span](_Untraced())
_installed: list[Tracer] = []


def start() -> None:
    """Begin to trace where the environment asks for it; twice is once.

    Raises:
        ModuleNotFoundError: it asks, and requirements/otel.txt is not installed.
    """
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") and not _installed:
        _installed.append(import_module("common.opentelemetry").Tracer())


def span(
    name: str, *, kind: Kind = "internal", parent: Mapping[str, str] | None = None, **attributes: Value
) -> AbstractContextManager[Span]:
    """A span around a `with` block; an exception that leaves the block is told in it. `parent`: headers from afar."""
    return _installed[0].span(name, kind, parent, attributes) if _installed else _NO_SPAN


def is_on() -> bool:
    """Whether spans are told of to anybody."""
    return bool(_installed)


def headers() -> dict[str, str]:
    """What to send along (`traceparent`) so that the other side's spans belong to this one; empty without tracing."""
    return _installed[0].headers() if _installed else {}
