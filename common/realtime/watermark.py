"""Commit-safe cursors over tables with an `xid` column: no row that commits late is ever passed by.

Ids and sequences are given before the commit, so a row with a smaller one may become visible after its followers. Here
rows are ordered by the transaction that wrote them, and handed out only below the horizon: the oldest transaction that
is still under way. Whatever is below it has ended, for good.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models

from common.errors import Invalid

Row = TypeVar("Row", bound=models.Model)

_CURSOR = re.compile(r"(\d{1,19})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_LARGEST_XID = 2**63 - 1
_LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in the order of commits, right after one row."""

    xid: int
    id: UUID

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"

    @classmethod
    def before(cls, horizon: int) -> Mark:
        """After everything that lies below `horizon`."""
        return cls(horizon - 1, _LAST_ID)


BEGINNING = Mark(0, UUID(int=0))


def parse(cursor: str | None) -> Mark:
    """The place that a client's cursor names; None is the beginning.

    Raises:
        Invalid: no stream of ours gives such a cursor.
    """
    if cursor is None:
        return BEGINNING
    match = _CURSOR.fullmatch(cursor)
    if not match or int(match[1]) > _LARGEST_XID:
        raise Invalid("The cursor is not one that this stream gave.")
    return Mark(int(match[1]), UUID(match[2]))


def horizon(*, using: str = DEFAULT_DB_ALIAS) -> int:
    """Every transaction with a smaller number has ended, and its rows are visible from now on or never."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])


def tip(*, using: str = DEFAULT_DB_ALIAS) -> Mark:
    """The present end: what comes after it is new."""
    return Mark.before(horizon(using=using))


def between(rows: models.QuerySet[Row], begin: Mark, below: int) -> models.QuerySet[Row]:
    """The rows after `begin` and below the horizon `below`, which must have been read before, in their order."""
    return rows.extra(where=["(xid, id) > (%s, %s) AND xid < %s"], params=[begin.xid, begin.id, below]).order_by(
        "xid", "id"
    )


def before_the_last(rows: models.QuerySet[Row], count: int) -> Mark:
    """The place with `count` of the rows that can be seen now behind it, or the beginning where there are no more."""
    before = rows.order_by("-xid", "-id").values_list("xid", "id")[count : count + 1]
    return next((Mark(xid, pk) for xid, pk in before), BEGINNING)
