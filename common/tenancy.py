"""The second wall's door: within a scope the database itself shows one site's rows and no other's.

Row-level security compares `site_id` with the setting `app.site_id`, which lives as long as the transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.db import connection, connections, transaction

CREW = "crew"
"""The database alias that sees every site: sweeps, ingest, the platform's own admin. Never a tenant's request."""

ENTER_SITE = "SELECT set_config('app.site_id', %s, true)"

_current: ContextVar[UUID | None] = ContextVar("site_scope", default=None)
_everywhere: ContextVar[str] = ContextVar("everywhere_alias", default=CREW)


def everywhere_alias() -> str:
    """The alias through which is read what names no site: crew; where we are `confined`, the requests' own."""
    return _everywhere.get()


@contextmanager
def confined() -> Iterator[None]:
    """Within it, `everywhere` is no further than the scope that is open: no rows at all where there is none."""
    token = _everywhere.set("default")
    try:
        yield
    finally:
        _everywhere.reset(token)


@contextmanager
def unconfined() -> Iterator[None]:
    """The way out of it, for what is the platform's own work: to learn where somebody belongs, to run a service."""
    token = _everywhere.set(CREW)
    try:
        yield
    finally:
        _everywhere.reset(token)


@contextmanager
def site_scope(site_id: UUID) -> Iterator[None]:
    """One transaction that sees and writes `site_id`'s rows only; within a scope of the same site it adds nothing.

    Raises:
        RuntimeError: inside another site's scope; one request serves one site.
    """
    outer = _current.get()
    if outer is not None:
        if outer != site_id:
            raise RuntimeError("a scope of one site was opened inside another's")
        yield
        return
    with_free_hands()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(ENTER_SITE, [str(site_id)])
        token = _current.set(site_id)
        try:
            yield
        finally:
            _current.reset(token)


def execute_in_site(site_id: UUID, statements: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of the last of `statements` (joined by `;`), as in a `site_scope` of its own, but in one round trip.

    For the few paths where each millisecond counts. They reach Postgres as one message, which it runs as one
    transaction: all of it or nothing. Within a scope of the same site they join that one's.

    Raises:
        RuntimeError: inside another site's scope.
    """
    with_free_hands()
    with connection.cursor() as cursor:
        if connection.in_atomic_block:
            with site_scope(site_id):
                cursor.execute(statements, parameters)
        else:
            cursor.execute(f"{ENTER_SITE}; {statements}", [str(site_id), *parameters])
        while cursor.nextset():
            continue
        return cursor.fetchall() if cursor.description else []


def with_free_hands() -> None:
    """Give crew's connection back, where none of the requests' own is held yet: called before one is asked for.

    Each thread may hold one of either pool. If some asked for theirs in this order and some in the other, the last
    connections of both pools would wait for each other.
    """
    crew = connections[CREW]
    if connection.connection is None and crew.connection is not None and not crew.in_atomic_block:
        crew.close()


def current_site_id() -> UUID | None:
    """The site whose scope is open here, or None."""
    return _current.get()
