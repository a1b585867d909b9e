"""Pooled connections: looked at before they are given out, and seldom asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from psycopg_pool import ConnectionPool

from common.pooled import Pooled

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool() -> Iterator[ConnectionPool[Pooled]]:
    parameters = connection.get_connection_params()
    with ConnectionPool(
        kwargs={**parameters, "autocommit": True},
        connection_class=Pooled,
        min_size=1,
        max_size=1,
        check=ConnectionPool.check_connection,
        timeout=10,
    ) as opened:
        yield opened


def _given_out(pool: ConnectionPool[Pooled]) -> int:
    with pool.connection() as session:
        (number,) = session.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        return int(number)


def test_the_platforms_own_pools_are_of_this_kind() -> None:
    connection.ensure_connection()
    assert isinstance(connection.connection, Pooled)


def test_a_connection_that_is_well_is_given_out_again_without_a_question(pool: ConnectionPool[Pooled]) -> None:
    first = _given_out(pool)
    with pool.connection() as session:
        asked_at = session.asked_at
    assert asked_at > 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [first])
        assert cursor.fetchone() == ("SELECT pg_backend_pid()",)
    assert _given_out(pool) == first


def test_one_whose_session_the_server_has_ended_is_replaced(pool: ConnectionPool[Pooled]) -> None:
    first = _given_out(pool)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        assert cursor.fetchone() == (True,)
    assert _given_out(pool) not in (0, first)


def test_after_some_seconds_the_server_is_asked_all_the_same(
    pool: ConnectionPool[Pooled], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _given_out(pool)
    monkeypatch.setattr("common.pooled.ASKED_AGAIN_AFTER_S", 0.0)
    with pool.connection() as session:
        before = session.asked_at
    with pool.connection() as session:
        assert session.asked_at > before
    with connection.cursor() as cursor:
        cursor.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [first])
        assert cursor.fetchone() == ("",)
