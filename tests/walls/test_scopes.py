"""However a scope ends, and in whichever thread: the connection goes back to the pool without a tenant in it."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections

from common.prepared import read_in_site
from common.tenancy import CREW, execute_in_site, site_scope
from orchestrator.celery import app
from sites.models import Agent
from tests import make
from tests.counts import tried

pytestmark = pytest.mark.django_db

SITES, THREADS, ROUNDS = 6, 8, 40
_NAMES = "SELECT name FROM sites_agent"


def _seen() -> set[str]:
    """What a statement without a site sees, on whatever connection this thread has."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES)
        return {name for (name,) in cursor.fetchall()}


def _whole(site_id: UUID) -> set[str]:
    with site_scope(site_id):
        return _seen()


def _breaks_off(site_id: UUID) -> set[str]:
    with suppress(ZeroDivisionError), site_scope(site_id):
        seen = _seen()
        raise ZeroDivisionError
    return seen


def _is_refused(site_id: UUID) -> set[str]:
    with suppress(DatabaseError), site_scope(site_id):
        seen = _seen()
        Agent(site_id=_another(site_id), name="smuggled").save(using="default")
    return seen


def _takes_too_long(site_id: UUID) -> set[str]:
    with suppress(DatabaseError), site_scope(site_id), connection.cursor() as cursor:
        seen = _seen()
        cursor.execute("SET LOCAL statement_timeout = '5ms'; SELECT pg_sleep(5)")
    return seen


def _loses_its_connection(site_id: UUID) -> set[str]:
    with suppress(DatabaseError), site_scope(site_id), connection.cursor() as cursor:
        seen = _seen()
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    return seen


def _in_one_message(site_id: UUID) -> set[str]:
    return {name for (name,) in execute_in_site(site_id, _NAMES, [])}


def _prepared(site_id: UUID) -> set[str]:
    return {name for (name,) in read_in_site(site_id, _NAMES, [])}


@app.task(name="tests.walls.names")
def _named(site_id: str, *, fails: bool) -> list[str]:
    with site_scope(UUID(site_id)):
        seen = sorted(_seen())
        if fails:
            raise ZeroDivisionError(",".join(seen))
        return seen


def _by_task(site_id: UUID) -> set[str]:
    return set(_named.apply([str(site_id)], {"fails": False}).get())


def _by_a_task_that_fails(site_id: UUID) -> set[str]:
    return set(str(_named.apply([str(site_id)], {"fails": True}).result).split(","))


WAYS: list[Callable[[UUID], set[str]]] = [
    *(_whole, _breaks_off, _is_refused, _takes_too_long, _loses_its_connection),
    *(_in_one_message, _prepared, _by_task, _by_a_task_that_fails),
]


def _another(site_id: UUID) -> UUID:
    """Another id than this."""
    return UUID(int=site_id.int ^ 1)


@pytest.fixture
def sites() -> dict[UUID, str]:
    """The name of the one agent of each site."""
    rows = [make.agent(make.site(), f"agent {number}") for number in range(SITES)]
    return {row.site_id: row.name for row in rows}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
def test_a_connection_comes_back_without_a_tenant(way: Callable[[UUID], set[str]], sites: dict[UUID, str]) -> None:
    for site_id, name in sites.items():
        assert way(site_id) == {name}
        assert _after() == (set(), "", None)
    connection.close()
    assert _after() == (set(), "", None)


def test_who_asks_for_a_requests_connection_has_none_of_crews_in_their_hands(sites: dict[UUID, str]) -> None:
    """Or two who took them in both orders would wait for each other, where each pool has one left."""
    site_id = next(iter(sites))
    for way in (_whole, _in_one_message, _prepared):
        connection.close()
        assert Agent.everywhere.exists() and connections[CREW].connection is not None
        way(site_id)
        assert connections[CREW].connection is None, way
    with site_scope(site_id):
        assert Agent.everywhere.exists() and connections[CREW].connection is not None


def _after() -> tuple[set[str], str, object]:
    """What is seen next, which site is set, and whether a transaction is open."""
    seen = _seen()
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('app.site_id', true), '')")
        return seen, cursor.fetchone()[0], connection.in_atomic_block or None


def test_threads_that_share_connections_never_see_anothers_rows(sites: dict[UUID, str]) -> None:
    def live(number: int) -> int:
        chance = random.Random(number)
        try:
            for _ in range(ROUNDS):
                way, (site_id, name) = chance.choice(WAYS), chance.choice(list(sites.items()))
                assert way(site_id) == {name}, way
                assert _seen() == set(), way
                if chance.random() < 0.5:
                    connection.close()  # as the end of a request does: another thread takes it next
        finally:
            connections.close_all()
        return ROUNDS

    with ThreadPoolExecutor(THREADS) as pool:
        tried("scopes of interleaved threads, held", sum(pool.map(live, range(THREADS))))
    assert Agent.everywhere.using(CREW).count() == SITES
