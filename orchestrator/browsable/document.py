"""The OpenAPI document, as the browsable pages read it: what may be done at an address, and what lies below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from common.api.generator import Generator

Described = dict[str, Any]


@cache
def document() -> Described:
    """The whole of it; made once in each process, for the first page that somebody asks for."""
    return Generator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


def template_of(path: str) -> str | None:
    """`/api/instances/{id}` for the address of one instance; None for an address that is not in the document."""
    return next((template for template, pattern in _patterns() if pattern.fullmatch(path)), None)


def operation(template: str, method: str) -> Described | None:
    found: Described | None = document()["paths"].get(template, {}).get(method.lower())
    return found


def below(template: str) -> Iterator[tuple[str, Described]]:
    """The fixed words that may follow an address, with the operations there: `events`, `start`, …"""
    for path, operations in document()["paths"].items():
        head, _, word = path.rpartition("/")
        if head == template and "{" not in word:
            yield word, operations


def resolved(schema: Described) -> Described:
    """`schema` with its reference followed, and a choice between something and null taken for the something."""
    while True:
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        elif len(schema.get("allOf", ())) == 1:
            schema = {**schema["allOf"][0], **{key: value for key, value in schema.items() if key != "allOf"}}
        elif (choice := _only_choice(schema)) is not None:
            schema = {**choice, **{key: value for key, value in schema.items() if key not in {"anyOf", "oneOf"}}}
        else:
            return schema


def _only_choice(schema: Described) -> Described | None:
    choices = [choice for choice in schema.get("anyOf") or schema.get("oneOf") or () if choice.get("type") != "null"]
    choices = [choice for choice in choices if choice.get("enum") not in ([""], [None])]
    return choices[0] if len(choices) == 1 else None


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Fixed words before placeholders, so that `/api/users/me` is itself and nobody's id."""
    templates = sorted(document()["paths"], key=lambda template: (template.count("{"), template))
    return [(template, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template))) for template in templates]
