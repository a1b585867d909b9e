"""JSON out, and the browsable pages over it for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from django.conf import settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from rest_framework import renderers

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


class JSONRenderer(renderers.JSONRenderer):
    """Moments are written in UTC with microseconds and a Z; decimals and UUIDs as text."""

    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        indented = self.get_indent(accepted_media_type or "", dict(renderer_context or {}))
        return dumps(data, indented=bool(indented))


def dumps(data: Any, *, indented: bool = False) -> bytes:
    """`data` as JSON; for streams and other places outside of REST framework, too."""
    options = _OPTIONS | (orjson.OPT_INDENT_2 if indented else 0)
    try:
        return orjson.dumps(data, _plain, options)
    except TypeError:
        return orjson.dumps(_within_64_bits(data), _plain, options)


def _within_64_bits(data: Any) -> Any:
    """`data` with its huge whole numbers as floats, as they came: Postgres gives 1e300 back in all its digits."""
    match data:
        case Mapping():
            return {name: _within_64_bits(value) for name, value in data.items()}
        case list() | tuple():
            return [_within_64_bits(value) for value in data]
        case int() if not -(2**63) <= data < 2**64:
            return float(data)
    return data


def moment(value: datetime) -> str:
    """`2026-01-31T12:00:00.000000Z`."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return moment(value)
        case Decimal() | Promise():
            return str(value)
        case set() | frozenset():
            return sorted(value)
        case bytes():
            return value.decode()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


class BrowsableAPIRenderer(renderers.BrowsableAPIRenderer):
    """For people, when a browser asks for text/html. The forms send JSON, which is all that the API reads.

    What the page shows is known further up, where every noun is: `BROWSABLE_PAGE` names the function that tells it.
    """

    def get_default_renderer(self, view: Any) -> Any:
        return JSONRenderer()

    def get_context(self, data: Any, accepted_media_type: Any, renderer_context: Any) -> dict[str, Any]:
        tell: Callable[..., dict[str, Any]] = import_string(settings.BROWSABLE_PAGE)
        return tell(self, data, **{name: renderer_context[name] for name in ("view", "request", "response")})

    def show_form_for_method(self, view: Any, method: str, request: Any, obj: Any) -> bool:
        if not getattr(view, "request", None) or getattr(view.request, "auth", None) is None:
            return False
        return bool(super().show_form_for_method(view, method, request, obj))
