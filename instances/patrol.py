"""Watches the whole fleet at a cost that does not grow with it: one list a provider, one look at who is connected.

An instance at rest has no look of its own to come. The patrol compares what there is with what stands in the rows, and
has those looked at where the two differ; what is wrong with one its own step finds out. The same list shows machines
that no instance owns.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q

from common import clock
from instances import orphans, ports
from instances.guestlink import GuestUnreachable
from instances.models import Instance, Status
from instances.providers import registry
from instances.providers.base import Handle, LooksAfter, Refused, Unreachable

logger = logging.getLogger(__name__)

AT_REST = (Status.RUNNING, Status.PAUSED, Status.STOPPED)


@dataclass(frozen=True, slots=True)
class Round:
    """What one provider's round came to. `machines` None: it gave no whole list, so nothing was concluded."""

    provider: str
    machines: int | None
    woken: int = 0
    destroyed: int = 0


@dataclass(frozen=True, slots=True)
class _Watched:
    """As much of a row as the comparison needs."""

    instance_id: UUID
    incarnation: int
    status: str
    boot_id: str
    is_made: bool

    @property
    def machine(self) -> str:
        return f"{self.instance_id.hex}-{self.incarnation}"


def go_round(*, destroy: bool = False) -> Iterator[Round]:
    """Patrol provider by provider. Orphans that are certain are destroyed with `destroy`, or by the setting ORPHANS.

    Never concludes anything from a list that failed or broke off. Called twice, it does no harm.
    """
    for provider in list(registry.names()):
        try:
            listed = dict(registry.provider(provider).list_ours())
        except (Unreachable, Refused) as error:
            logger.warning("patrol: provider %s gave no whole list: %s", provider, error)
            yield Round(provider, None)
            continue
        yield _round(provider, listed, destroy=destroy or settings.ORPHANS == "destroy")


def _round(provider: str, listed: Mapping[str, Handle], *, destroy: bool) -> Round:
    # The rows are read after the list: a machine that is in it was ordered, and so was in a row, before.
    rows = [_Watched(*values) for values in _rows(provider)]
    owned = {row.machine for row in rows}
    driver = registry.provider(provider)
    if isinstance(driver, LooksAfter):
        driver.look_after(handle for name, handle in listed.items() if name in owned)
    woken = _wake([row.instance_id for row in _differing(rows, listed)])
    orphans.note(provider, listed, owned)
    return Round(provider, len(listed), woken, orphans.destroy_due(provider, listed) if destroy else 0)


def _rows(provider: str) -> Iterator[tuple[UUID, int, str, str, bool]]:
    live = Instance.everywhere.filter(provider=provider, deleted_at=None)
    made = live.annotate(is_made=Q(handle__isnull=False))
    return made.values_list("pk", "incarnation", "status", "boot_id", "is_made").iterator(chunk_size=5000)


def _differing(rows: Collection[_Watched], listed: Collection[str]) -> Iterator[_Watched]:
    """Those at rest that are not as their row says: no machine, no guest or another, a guest where none should be."""
    resting = [row for row in rows if row.status in AT_REST and row.is_made]
    try:
        present = ports.guests().boot_ids([row.machine for row in resting if row.status != Status.PAUSED])
    except GuestUnreachable as error:
        logger.warning("patrol: nobody knows which guests are there: %s", error)
        present = None
    for row in resting:
        if row.machine not in listed or (present is not None and _is_odd(row, present.get(row.machine))):
            yield row


def _is_odd(row: _Watched, boot_id: str | None) -> bool:
    if row.status == Status.RUNNING:
        return boot_id != row.boot_id
    return row.status == Status.STOPPED and boot_id is not None


def _wake(ids: Collection[UUID]) -> int:
    """Make them due; the sweep queues them. Who is due anyway, or is being looked at, is left alone."""
    if not ids:
        return 0
    now = clock.now()
    asleep = Instance.everywhere.filter(pk__in=ids, lease_until=None, status__in=AT_REST)
    return asleep.filter(Q(look_again_at=None) | Q(look_again_at__gt=now)).update(
        look_again_at=now, nudges=F("nudges") + 1
    )
