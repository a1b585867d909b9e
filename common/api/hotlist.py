"""Lists that PostgreSQL writes itself. What a view's filters and ordering make of a query is compiled once and kept.

After that a page costs no ORM, no serializer and no parsing: one statement, whose bytes pass through to the client.
The rows, names and formats are those of the view's own answer; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import orjson
from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework.request import Request

from common.api import pagination
from common.api.keyset import Column, PageOrCursor, Walk, order_of
from common.api.pagesql import Columns, Statement, Wanted, page_statement, row_statement

KEPT_S = 60.0
"""A filter may depend on the time of day, so what was compiled is used no longer than this."""
KEPT_MAX = 500
PAST_CAP_S = 30.0
"""A list that was longer than the cap of counting is not counted again for so long: it reads "more than 10,000"."""
EMPTY = b'"results":[]}'
"""How a page without rows ends."""
_PAGING = frozenset({"limit", "offset", "cursor", "count"})


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose rows: `rows` makes what the view would list, for every caller of this `kind`; `values` replaces the
    stand-ins among its parameters by what they stand for in this request; `read` runs a statement."""

    kind: Hashable
    rows: Callable[[], QuerySet[Any]]
    values: Mapping[UUID, UUID | None]
    read: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

    def run(self, statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self.read(statement.text, statement.bound({**self.values, **values}))


@dataclass(frozen=True, slots=True)
class _Compiled:
    """One query's rows, and the statements that were needed of them so far."""

    rows: QuerySet[Any]
    order: tuple[Column, ...]
    until: float
    statements: dict[Hashable, Statement] = field(default_factory=dict)


class HotList:
    """The pages and rows of one view."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._compiled: dict[Hashable, _Compiled] = {}
        self._past_cap: dict[Hashable, float] = {}

    def page(self, query: QueryDict, path: str, asked: Asked) -> bytes | None:
        """The answer's body; None where this is not the way to it.

        Raises:
            Invalid: the query is refused, by us or by a filter.
        """
        filters = tuple(sorted((name, *given) for name, given in query.lists() if name not in _PAGING))
        compiled = self._known((asked.kind, filters), asked.rows)
        wanted = _wanted(query, compiled)
        if wanted is None:
            return None
        whose = (asked.kind, filters, *asked.values.values())
        is_past_cap = wanted.count == "capped" and self._past_cap.get(whose, 0.0) > monotonic()
        try:
            statement = self._statement(compiled, replace(wanted, count=None) if is_past_cap else wanted)
        except EmptyResultSet:  # a filter that no row can ever match: there is nothing to ask PostgreSQL
            return None
        row = asked.run(statement, wanted.values)[0]
        if wanted.count == "capped" and row[2] == pagination.COUNT_CAP:
            self._remember_past_cap(whose)
        return _body(query, path, wanted, row)

    def one(self, pk: UUID, asked: Asked) -> tuple[bytes, UUID, datetime] | None:
        """`(body, pk, updated_at)` of one row, or None where the caller sees no such row."""
        compiled = self._known((asked.kind, "one"), asked.rows)
        if "one" not in compiled.statements:
            compiled.statements["one"] = row_statement(compiled.rows, self._columns)
        found = asked.run(compiled.statements["one"], {"pk": pk})
        return (found[0][0].encode(), found[0][1], found[0][2]) if found else None

    def _known(self, key: Hashable, rows: Callable[[], QuerySet[Any]]) -> _Compiled:
        known = self._compiled.get(key)
        if known is None or known.until < monotonic():
            found = rows()
            known = _Compiled(found, order_of(found), monotonic() + KEPT_S)
            if len(self._compiled) >= KEPT_MAX:
                self._compiled.clear()
            self._compiled[key] = known
        return known

    def _statement(self, compiled: _Compiled, wanted: Wanted) -> Statement:
        known = compiled.statements.get(wanted.shape)
        if known is None:
            known = compiled.statements[wanted.shape] = page_statement(compiled.rows, self._columns, wanted)
        return known

    def _remember_past_cap(self, whose: Hashable) -> None:
        if len(self._past_cap) >= 10 * KEPT_MAX:
            self._past_cap.clear()
        self._past_cap[whose] = monotonic() + PAST_CAP_S


def _wanted(query: QueryDict, compiled: _Compiled) -> Wanted | None:
    """None for what the ordinary way must judge: an estimate, or a cursor together with an offset."""
    by_cursor = "cursor" in query
    counting = pagination.counting_of(query) if "count" in query or not by_cursor else None
    if counting == "estimate" or (by_cursor and "offset" in query):
        return None
    label = compiled.rows.model._meta.label_lower
    return Wanted(
        limit=pagination.number(query, "limit", pagination.DEFAULT_LIMIT, least=1, most=pagination.MAX_LIMIT),
        offset=pagination.number(query, "offset", 0, least=0, most=pagination.MAX_OFFSET),
        count=counting,
        walk=Walk(compiled.order, label, str(query["cursor"])) if by_cursor else None,
    )


def _body(query: QueryDict, path: str, wanted: Wanted, row: tuple[Any, ...]) -> bytes:
    text, found, counted, *ends = row
    shown, more = min(found, wanted.limit), found > wanted.limit
    page = PageOrCursor()
    page.request = cast(Request, SimpleNamespace(query_params=query, path=path))
    page.limit, page.offset, page.more, page.walk = wanted.limit, wanted.offset, more, wanted.walk
    page.count = _count(wanted, shown, counted, at_end=not more)
    if wanted.walk is not None and shown:
        first, last = (ends[1::2], ends[0::2]) if wanted.walk.backward else (ends[0::2], ends[1::2])
        wanted.walk.look_around(first, last, more=more)
    return b'%b,"results":[%b]}' % (orjson.dumps(page.around())[:-1], (text or "").encode())


def _count(wanted: Wanted, shown: int, counted: int | None, *, at_end: bool) -> int | None:
    if wanted.count is None or counted is not None:
        return counted
    if wanted.walk is None and at_end and (shown or not wanted.offset):
        return wanted.offset + shown
    return pagination.COUNT_CAP
