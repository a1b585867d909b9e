"""JSON in: exact, bounded, and nothing that Postgres or a later reader would choke on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any, NoReturn

import orjson
from django.conf import settings
from rest_framework.parsers import BaseParser

from common.api.renderers import JSONRenderer
from common.errors import Invalid, PlatformError

MAX_DEPTH = 64
_INT64 = range(-(2**63), 2**63)
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


class BodyTooLarge(PlatformError):
    status = 413
    code = "TOO_LARGE"
    message = "The body is too large."


class StrictJSONParser(BaseParser):
    """UTF-8 JSON of at most MAX_BODY_BYTES. An empty body reads as `{}`.

    Refused: NaN and infinity, NUL characters, lone surrogates, nesting past 64, integers beyond 64 bits.
    """

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = settings.MAX_BODY_BYTES
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise BodyTooLarge(max_bytes=limit)
        return loads(raw)


def loads(raw: bytes) -> Any:
    """The value in `raw`, under StrictJSONParser's rules.

    Raises:
        Invalid: it breaks one of them; the message says which.
    """
    if not raw.strip():
        return {}
    try:
        value = orjson.loads(raw)
        if _LONG_NUMBER.search(raw):
            json.loads(raw, parse_int=_int64)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The body is not valid JSON: {error}.", code="PARSE_ERROR") from error
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH or b"\\u0000" in raw:
        _walk(value)
    return value


def _int64(digits: str) -> int:
    # orjson reads a longer one as a float, which would quietly be another number.
    if len(digits) > 20 or int(digits) not in _INT64:
        raise Invalid("A number is beyond 64 bits.", code="PARSE_ERROR")
    return int(digits)


def _walk(value: Any) -> None:
    level, depth = [value], 0
    while level:
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, str) and "\0" in item:
                _refuse("A text holds a NUL character.")
            if isinstance(item, dict | list) and depth == MAX_DEPTH:
                _refuse(f"The body nests deeper than {MAX_DEPTH} levels.")
            deeper.extend(_inside(item))
        level, depth = deeper, depth + 1


def _inside(item: Any) -> Iterator[Any]:
    if isinstance(item, dict):
        yield from item
        yield from item.values()
    elif isinstance(item, list):
        yield from item


def _refuse(message: str) -> NoReturn:
    raise Invalid(message, code="PARSE_ERROR")
