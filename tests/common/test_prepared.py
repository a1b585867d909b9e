"""Statements that a connection plans once: the same walls, nothing left behind, and no trust in their being there."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from common import prepared
from common.prepared import read_in_site
from common.tenancy import site_scope
from tests import make

pytestmark = pytest.mark.django_db
_NAMES = "SELECT name FROM sites_agent WHERE name LIKE %s || '%%' ORDER BY name"


def _prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'hot\\_%%'", [])
        return int(cursor.fetchone()[0])


def test_it_sees_its_own_site_and_leaves_no_scope_behind() -> None:
    ours, theirs = make.site(), make.site()
    make.agent(ours, "ours % '")
    make.agent(theirs, "others")
    for _ in range(7):  # planned for these values, then for any
        assert read_in_site(ours.pk, _NAMES, ["o"]) == [("ours % '",)]
        assert read_in_site(theirs.pk, _NAMES, ["o"]) == [("others",)]
        assert read_in_site(theirs.pk, _NAMES, ["ours"]) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT nullif(current_setting('app.site_id', true), '')")
        assert cursor.fetchone() == (None,)
    assert connection.connection.info.transaction_status.name == "IDLE"


def test_a_statement_is_planned_once_a_connection_and_told_of() -> None:
    site, before = make.site(), None
    for _ in range(3):
        with CaptureQueriesContext(connection) as queries:
            read_in_site(site.pk, _NAMES, [""])
        assert [query["sql"] for query in queries] == [_NAMES]
        before = before or _prepared()
        assert _prepared() == before


def test_one_that_fails_leaves_nothing_open() -> None:
    site = make.site()
    with pytest.raises(DatabaseError, match="division by zero"):
        read_in_site(site.pk, "SELECT 1 / %s::int", [0])
    assert connection.connection.info.transaction_status.name == "IDLE"
    assert read_in_site(site.pk, "SELECT current_setting('app.site_id')", []) == [(str(site.pk),)]


def test_one_that_the_server_has_forgotten_is_prepared_again() -> None:
    site = make.site()
    make.agent(site, "still there")
    read_in_site(site.pk, _NAMES, [""])
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert read_in_site(site.pk, _NAMES, [""]) == [("still there",)]


def test_a_connection_keeps_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "KEPT_PER_CONNECTION", 3)
    site = make.site()
    connection.ensure_connection()
    prepared._names.pop(connection.connection, None)
    before = _prepared()
    for number in range(9):
        assert read_in_site(site.pk, f"SELECT {number} + %s::int", [1]) == [(number + 1,)]
    assert _prepared() == before + 3


def test_within_a_scope_it_is_part_of_that_one() -> None:
    ours, theirs = make.site(), make.site()
    with site_scope(ours.pk):
        assert read_in_site(ours.pk, _NAMES, [""]) == []
        with pytest.raises(RuntimeError):
            read_in_site(theirs.pk, _NAMES, [""])
