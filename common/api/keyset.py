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
from rest_framework.response import Response

from common.api.pagination import _SECRET, DEFAULT_LIMIT, MAX_LIMIT, Page, _count, _exact, _number, _parameter
from common.errors import Invalid

_OWN = {"limit", "offset", "cursor"}


class PageOrCursor(Page):
    """`limit` and `offset` as ever; with `cursor`, pages by key instead.

    A page begins right after (or, going back, ends right before) one row, whatever came or went meanwhile. `count` is
    null then, unless the request asks for one.
    """

    parameters = Page.parameters | {"cursor"}
    _walk: _Walk | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        query = request.query_params
        if "cursor" not in query:
            return super().paginate_queryset(queryset, request, view)
        if "offset" in query:
            raise Invalid("cursor: Not together with offset.", fields={"cursor": ["Not together with offset."]})
        if not isinstance(queryset, QuerySet):
            raise _bad("This list has no cursor.")
        self.request = request
        self.limit = _number(query, "limit", DEFAULT_LIMIT, least=1, most=MAX_LIMIT)
        self.counted = _count(queryset, exact=_exact(query)) if "count" in query else None
        self._walk = _Walk.along(queryset, query["cursor"])
        return self._walk.page(queryset, self.limit)

    def get_paginated_response(self, data: Any) -> Response:
        walk = self._walk
        if walk is None:
            return super().get_paginated_response(data)
        return Response(
            {
                "count": self.counted,
                "next": self._cursor_link(walk.next),
                "previous": self._cursor_link(walk.previous),
                "results": data,
            }
        )

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        text = "Pages by key, flat with depth: empty for the first page, then as `next` and `previous` give it."
        return [*super().get_schema_operation_parameters(view), _parameter("cursor", text, {"type": "string"})]

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
class _Column:
    field: Field[Any, Any]
    descending: bool

    @property
    def name(self) -> str:
        return ("-" if self.descending else "") + self.field.name

    def turned(self) -> _Column:
        return _Column(self.field, not self.descending)

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


class _Walk:
    """One page of a walk along a list's order. `next` and `previous` are known once the page was read."""

    def __init__(self, order: tuple[_Column, ...], label: str, cursor: str) -> None:
        self._order = order
        names = ",".join(column.name for column in order)
        # A cursor is good for one list in one order: another's fails the signature.
        self._signer = Signer(salt=f"cursor of {label} by {names}", sep=".")
        self._backward = False
        self._values: list[Any] | None = None
        if cursor:
            self._backward, self._values = self._read(cursor)
        self.next: str | None = None
        self.previous: str | None = None

    @classmethod
    def along(cls, rows: QuerySet[Any], cursor: str) -> _Walk:
        return cls(_order_of(rows), rows.model._meta.label_lower, cursor)

    def page(self, rows: QuerySet[Any], limit: int) -> list[Any]:
        way = tuple(column.turned() for column in self._order) if self._backward else self._order
        rows = rows.order_by(*(column.name for column in way))
        if self._values is not None:
            rows = rows.filter(_beyond(way, self._values))
        found = list(rows[: limit + 1])
        page = found[:limit]
        if self._backward:
            page.reverse()
        self._look_around(page, more=len(found) > limit)
        return page

    def _look_around(self, page: list[Any], *, more: bool) -> None:
        if not page:
            return
        is_next = more or self._backward
        is_previous = more if self._backward else self._values is not None
        self.next = self._write(page[-1], backward=False) if is_next else None
        self.previous = self._write(page[0], backward=True) if is_previous else None

    def _write(self, row: Any, *, backward: bool) -> str:
        values = [_plain(getattr(row, column.field.attname)) for column in self._order]
        return self._signer.sign_object([backward, *values])

    def _read(self, cursor: str) -> tuple[bool, list[Any]]:
        try:
            backward, *plain = self._signer.unsign_object(cursor)
            return bool(backward), [
                column.field.to_python(value) for column, value in zip(self._order, plain, strict=True)
            ]
        except (BadSignature, ValidationError, ValueError, TypeError) as error:
            raise _bad("Not a cursor of this list in this order.") from error


def _order_of(rows: QuerySet[Any]) -> tuple[_Column, ...]:
    """The columns that `rows` are sorted by, made unique by the key."""
    meta = rows.model._meta
    columns: list[_Column] = []
    for name in rows.query.order_by or meta.ordering or ("-pk",):
        bare = str(name).removeprefix("-")
        column = _Column(meta.pk if bare == "pk" else meta.get_field(bare), str(name).startswith("-"))
        columns.append(column)
        if column.field.unique and not column.field.null:
            return tuple(columns)
    return (*columns, _Column(meta.pk, columns[-1].descending))


def _beyond(order: Sequence[_Column], values: Sequence[Any]) -> Q:
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
