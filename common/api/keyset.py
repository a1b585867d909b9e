"""The cursor mode of lists: `?cursor=` starts it, `next` and `previous` lead on, and every page costs the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db.models import Field, Q, QuerySet
from rest_framework.request import Request

from common.api.pagination import (
    _SECRET,
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Page,
    count_of,
    counting_of,
    number,
    parameter,
)
from common.errors import Invalid

_OWN = {"limit", "offset", "cursor"}


class PageOrCursor(Page):
    """`limit` and `offset` as ever; with `cursor`, pages by key instead.

    A page begins right after (or, going back, ends right before) one row, whatever came or went meanwhile. `count` is
    null then, unless the request asks for one.
    """

    parameters = Page.parameters | {"cursor"}
    walk: Walk | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        query = request.query_params
        if "cursor" not in query:
            return super().paginate_queryset(queryset, request, view)
        if "offset" in query:
            raise Invalid("cursor: Not together with offset.", fields={"cursor": ["Not together with offset."]})
        if not isinstance(queryset, QuerySet):
            raise _bad("This list has no cursor.")
        self.request = request
        self.limit = number(query, "limit", DEFAULT_LIMIT, least=1, most=MAX_LIMIT)
        self.count = count_of(queryset, counting_of(query)) if "count" in query else None
        self.walk = Walk.along(queryset, query["cursor"])
        return self.walk.page(queryset, self.limit)

    def around(self) -> dict[str, Any]:
        if self.walk is None:
            return super().around()
        links = {"next": self._cursor_link(self.walk.next), "previous": self._cursor_link(self.walk.previous)}
        return {"count": self.count, **links}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        text = "Pages by key, flat with depth: empty for the first page, then as `next` and `previous` give it."
        return [*super().get_schema_operation_parameters(view), parameter("cursor", text, {"type": "string"})]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        page: dict[str, Any] = super().get_paginated_response_schema(schema)
        count = page["properties"]["count"]
        count["type"] = ["integer", "null"]
        count["description"] += " Null with a cursor, unless `count` is asked for."
        return page

    def _cursor_link(self, cursor: str | None) -> str | None:
        if cursor is None:
            return None
        query = [
            (name, value)
            for name, values in self.request.query_params.lists()
            if name not in _SECRET and name not in _OWN
            for value in values
        ]
        query += [("limit", str(self.limit)), ("cursor", cursor)]
        return f"{settings.PUBLIC_URL}{self.request.path}?{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class Column:
    field: Field[Any, Any]
    descending: bool

    @property
    def name(self) -> str:
        return ("-" if self.descending else "") + self.field.name

    def turned(self) -> Column:
        return Column(self.field, not self.descending)

    def beyond(self, value: Any, rest: Q | None) -> Q:
        """Rows past `value`, or at it and past `rest`. Postgres puts NULL above everything."""
        name = self.field.attname
        if value is None:
            same, past = Q(**{f"{name}__isnull": True}), Q(**{f"{name}__isnull": False}) if self.descending else None
        else:
            same, past = Q(**{name: value}), Q(**{f"{name}__{'lt' if self.descending else 'gt'}": value})
            if self.field.null and not self.descending:
                past |= Q(**{f"{name}__isnull": True})
        further = [part for part in (past, None if rest is None else same & rest) if part is not None]
        found = further[0] if len(further) == 1 else further[0] | further[1]
        if rest is not None and value is not None and not self.field.null:
            # Says nothing new, but it is what an index can begin at.
            found = Q(**{f"{name}__{'lte' if self.descending else 'gte'}": value}) & found
        return found


class Walk:
    """One page of a walk along a list's order. `next` and `previous` are known once the page was read.

    `values` are the key that the page begins beyond, None for the first page; `way` is the order it is read in.
    """

    def __init__(self, order: tuple[Column, ...], label: str, cursor: str) -> None:
        self._order = order
        names = ",".join(column.name for column in order)
        # A cursor is good for one list in one order: another's fails the signature.
        self._signer = Signer(salt=f"cursor of {label} by {names}", sep=".")
        self.backward = False
        self.values: list[Any] | None = None
        if cursor:
            self.backward, self.values = self._read(cursor)
        self.way = tuple(column.turned() for column in order) if self.backward else order
        self.next: str | None = None
        self.previous: str | None = None

    @classmethod
    def along(cls, rows: QuerySet[Any], cursor: str) -> Walk:
        return cls(order_of(rows), rows.model._meta.label_lower, cursor)

    def page(self, rows: QuerySet[Any], limit: int) -> list[Any]:
        rows = rows.order_by(*(column.name for column in self.way))
        if self.values is not None:
            rows = rows.filter(beyond(self.way, self.values))
        found = list(rows[: limit + 1])
        page = found[:limit]
        if self.backward:
            page.reverse()
        if page:
            self.look_around(self._key(page[0]), self._key(page[-1]), more=len(found) > limit)
        return page

    def look_around(self, first: Sequence[Any], last: Sequence[Any], *, more: bool) -> None:
        """Take note of the page's two ends, and whether there is `more` on the way that it was read."""
        self.next = self._write(last, backward=False) if more or self.backward else None
        is_previous = more if self.backward else self.values is not None
        self.previous = self._write(first, backward=True) if is_previous else None

    def _key(self, row: Any) -> list[Any]:
        return [getattr(row, column.field.attname) for column in self._order]

    def _write(self, key: Sequence[Any], *, backward: bool) -> str:
        return self._signer.sign_object([backward, *map(_plain, key)])

    def _read(self, cursor: str) -> tuple[bool, list[Any]]:
        try:
            backward, *plain = self._signer.unsign_object(cursor)
            return bool(backward), [
                column.field.to_python(value) for column, value in zip(self._order, plain, strict=True)
            ]
        except (BadSignature, ValidationError, ValueError, TypeError) as error:
            raise _bad("Not a cursor of this list in this order.") from error


def order_of(rows: QuerySet[Any]) -> tuple[Column, ...]:
    """The columns that `rows` are sorted by, made unique by the key."""
    meta = rows.model._meta
    columns: list[Column] = []
    for name in rows.query.order_by or meta.ordering or ("-pk",):
        bare = str(name).removeprefix("-")
        column = Column(meta.pk if bare == "pk" else meta.get_field(bare), str(name).startswith("-"))
        columns.append(column)
        if column.field.unique and not column.field.null:
            return tuple(columns)
    return (*columns, Column(meta.pk, columns[-1].descending))


def beyond(order: Sequence[Column], values: Sequence[Any]) -> Q:
    """The rows that come after the one with these `values` (or expressions; None for NULL) in that order."""
    condition: Q | None = None
    for column, value in reversed(list(zip(order, values, strict=True))):
        condition = column.beyond(value, condition)
    assert condition is not None
    return condition


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def _bad(rule: str) -> Invalid:
    return Invalid(f"cursor: {rule}", fields={"cursor": [rule]})
