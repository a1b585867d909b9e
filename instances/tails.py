"""The live tails of logs: one instance's or a whole site's, by commit, from now on or after a cursor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from common.realtime import watermark
from common.realtime.stream import Item, Stream
from common.realtime.watermark import Mark
from common.tenancy import site_scope
from instances import selectors
from instances.journal import channels
from instances.logs import as_json
from instances.models import Log
from sites.principal import Principal

BATCH = 200
POLL_S = 0.1
"""A row may become readable a moment after its nudge: as soon as older transactions have ended."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a tail is narrowed to; an empty set narrows nothing."""

    log_types: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()

    def narrowing(self) -> dict[str, Any]:
        sets = {"log_type__in": self.log_types, "level__in": self.levels}
        return {lookup: sorted(values) for lookup, values in sets.items() if values}


EVERYTHING = Wanted()


def instance_tail(principal: Principal, instance_id: UUID, wanted: Wanted = EVERYTHING, *, last: int = 0) -> Stream:
    """New entries in one instance's log, after the `last` ones that there are.

    Raises:
        NotFound: no such instance in the principal's site.
    """
    principal.must("logs:read")
    with site_scope(principal.site_id):
        selectors.instance_of(principal, instance_id)
    channel = channels(principal.site_id, instance_id)[0]
    return _stream(channel, _Tail(principal.site_id, {"instance_id": instance_id} | wanted.narrowing()), last)


def site_tail(principal: Principal, wanted: Wanted = EVERYTHING, *, last: int = 0) -> Stream:
    """New entries about any instance of the principal's site, after the `last` ones that there are."""
    principal.must("logs:read")
    return _stream(channels(principal.site_id)[0], _Tail(principal.site_id, wanted.narrowing()), last)


class _Tail:
    """The `fetch` of one stream. It remembers how far it has looked in vain, so that a tail narrowed to what is rare
    doesn't read again and again what came since the last entry that it showed."""

    def __init__(self, site_id: UUID, narrowing: dict[str, Any]) -> None:
        self.site_id = site_id
        self.narrowing = narrowing
        self._looked: tuple[str | None, Mark] = (None, watermark.BEGINNING)

    def __call__(self, after: str | None) -> list[Item]:
        begin = watermark.parse(after)
        cursor, mark = self._looked
        if cursor == after:
            begin = max(begin, mark)
        with site_scope(self.site_id):
            horizon = watermark.horizon()
            rows = watermark.between(self._rows(), begin, horizon)
            items = [Item(str(Mark(log.xid, log.pk)), as_json(log)) for log in rows[:BATCH]]
        if len(items) < BATCH:
            self._looked = (items[-1].cursor if items else after, Mark.before(horizon))
        return items

    def before_the_last(self, count: int) -> Mark:
        """Where to begin so that the newest `count` entries come first, or all where there are fewer."""
        if not count:
            return watermark.tip()
        with site_scope(self.site_id):
            return watermark.before_the_last(self._rows(), count)

    def _rows(self) -> QuerySet[Log]:
        return Log.of(self.site_id).filter(**self.narrowing)


def _stream(channel: str, tail: _Tail, last: int) -> Stream:
    narrowed = tuple((lookup, str(value)) for lookup, value in tail.narrowing.items())
    return Stream(
        channels=(channel,),
        event="log",
        fetch=tail,
        start=str(tail.before_the_last(last)),
        batch_size=BATCH,
        share=("log", tail.site_id, narrowed),
        poll_s=POLL_S,
    )
