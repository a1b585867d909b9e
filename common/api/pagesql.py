"""The one statement that reads a page: its rows as JSON, their count and the page's two ends, in one row of answer."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Expression, F, Field, QuerySet

from common.api import pagination
from common.api.keyset import Column, Walk, beyond

Columns = Mapping[str, Expression | F]
"""What to select for each name that is shown, in their order."""


class Slot(Expression):
    """A place in a statement for a value that comes with each request."""

    def __init__(self, name: str, output_field: Field[Any, Any] | None = None) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)


@dataclass(frozen=True, slots=True)
class Statement:
    text: str
    parameters: tuple[Any, ...]

    def bound(self, values: Mapping[Any, Any]) -> list[Any]:
        """The parameters, with `values` by the names of slots, and by UUIDs that stand in for whoever asks."""
        return [_bound(item, values) for item in self.parameters]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page: `walk` in the cursor mode, else by `offset`. `count` is how to count, None for not at all."""

    limit: int
    offset: int
    count: str | None
    walk: Walk | None

    @property
    def shape(self) -> Hashable:
        """Pages of the same shape differ by values only."""
        keys = None if self.walk is None else (self.walk.backward, tuple(_is_null(self.walk)))
        return self.limit, self.offset > 0, self.count, pagination.COUNT_CAP, keys

    @property
    def values(self) -> dict[str, Any]:
        """For the statement's slots."""
        keys = (self.walk.values if self.walk is not None else None) or []
        return {"offset": self.offset, **{f"key{index}": value for index, value in enumerate(keys)}}


def page_statement(rows: QuerySet[Any], columns: Columns, wanted: Wanted) -> Statement:
    """Answers `(rows as JSON joined by commas, how many up to limit + 1, count, first key, last key, next first …)`."""
    walk, limit, paged = wanted.walk, wanted.limit, rows
    way: Sequence[Column] = () if walk is None else walk.way
    if walk is not None:
        paged = rows.order_by(*(column.name for column in way))
        if walk.values is not None:
            paged = paged.filter(beyond(way, _slots(way, walk)))
    inner, parameters = _inner(paged, columns, [column.field.attname for column in way])
    count, count_parameters = _count(rows, wanted)
    keys = [f"k{index}" for index in range(len(way))]
    values = [f"(array_agg({key} ORDER BY n))" for key in keys]
    ends = "".join(f", {key}[1], {key}[least(count(*), {limit})]" for key in values)
    # Not as OFFSET 0: of an offset to be named later PostgreSQL thinks the worst, and plans each page anew.
    skipped = " OFFSET %s" if wanted.offset else ""
    turned = " ORDER BY n DESC" if walk is not None and walk.backward else ""
    shown = "".join(f", i.{key}" for key in keys)
    text = (
        f"SELECT string_agg(body, ','{turned}) FILTER (WHERE n <= {limit}), count(*), {count}{ends}"  # noqa: S608
        f" FROM (SELECT row_to_json(j)::text AS body, row_number() OVER () AS n{shown}"
        f" FROM ({inner} LIMIT {limit + 1}{skipped}) i CROSS JOIN LATERAL ({_named(columns)}) j) page"
    )
    return Statement(text, (*count_parameters, *parameters, *([Slot("offset")] if skipped else [])))


def row_statement(rows: QuerySet[Any], columns: Columns) -> Statement:
    """Answers `(the row as JSON, pk, updated_at)` for the slot `pk`, or nothing."""
    inner, parameters = _inner(rows.filter(pk=Slot("pk")).order_by(), columns, ["pk", "updated_at"])
    named = _named(columns)
    text = f"SELECT row_to_json(j)::text, i.k0, i.k1 FROM ({inner}) i CROSS JOIN LATERAL ({named}) j"  # noqa: S608
    return Statement(text, parameters)


def _inner(rows: QuerySet[Any], columns: Columns, keys: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
    """The rows' SQL: what is shown as c0, c1, …, the `keys` as k0, k1, …"""
    selected: dict[str, Any] = {f"c{index}": column for index, column in enumerate(columns.values())}
    selected |= {f"k{index}": F(key) for index, key in enumerate(keys)}
    text, parameters = rows.annotate(**selected).values_list(*selected).query.sql_with_params()
    return text, tuple(parameters)


def _named(columns: Columns) -> str:
    """The names go onto the columns here and not in the ORM, where a field of the model may have them already."""
    return "SELECT " + ", ".join(f'i.c{index} AS "{name}"' for index, name in enumerate(columns))


def _count(rows: QuerySet[Any], wanted: Wanted) -> tuple[str, tuple[Any, ...]]:
    """Where a page by offset shows the list's end its place tells the count; Postgres skips the branch not taken."""
    if wanted.count is None:
        return "NULL::bigint", ()
    text, parameters = rows.order_by().values_list("pk").query.sql_with_params()
    cap = f" LIMIT {pagination.COUNT_CAP}" if wanted.count == "capped" else ""
    number = f"(SELECT count(*) FROM ({text}{cap}) counted)"  # noqa: S608
    if wanted.walk is not None:
        return number, tuple(parameters)
    asked = f"count(*) > {wanted.limit}" + (" OR count(*) = 0" if wanted.offset else "")
    return f"CASE WHEN {asked} THEN {number} END", tuple(parameters)


def _slots(way: Sequence[Column], walk: Walk) -> list[Slot | None]:
    places = zip(way, _is_null(walk), strict=True)
    return [None if null else Slot(f"key{n}", output_field=column.field) for n, (column, null) in enumerate(places)]


def _is_null(walk: Walk) -> list[bool]:
    return [value is None for value in walk.values or ()]


def _bound(item: Any, values: Mapping[Any, Any]) -> Any:
    if isinstance(item, Slot):
        return values[item.name]
    return values.get(item, item) if isinstance(item, UUID) else item
