"""Statements that a connection plans once: the same walls, nothing left behind, and no trust in their being there."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from common import prepared
from common.ids import new_id
from common.prepared import read_in_site, write_in_site
from common.tenancy import site_scope
from tests import make

pytestmark = pytest.mark.django_db
_ADD = """
WITH added AS (
    INSERT INTO sites_agent (id, created_at, updated_at, site_id, name, description, is_active)
    VALUES (%s, now(), now(), %s, %s, '', true)
)
UPDATE sites_site SET name = current_setting('synchronous_commit') WHERE id = %s
"""
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


@pytest.mark.parametrize(("waits", "setting"), [(True, "on"), (False, "off")])
def test_a_write_waits_for_the_disk_where_it_shall_and_the_next_one_is_not_touched_by_it(
    waits: bool, setting: str
) -> None:
    site = make.site()
    write_in_site(site.pk, _ADD, [new_id(), site.pk, "written", site.pk], waits_for_disk=waits)
    assert read_in_site(site.pk, "SELECT name FROM sites_site WHERE id = %s", [site.pk]) == [(setting,)]
    assert read_in_site(site.pk, _NAMES, [""]) == [("written",)]
    assert read_in_site(site.pk, "SELECT current_setting('synchronous_commit')", []) == [("on",)]


def test_a_write_cannot_reach_another_site_and_leaves_nothing_when_it_fails() -> None:
    ours, theirs = make.site(), make.site()
    with pytest.raises(DatabaseError):
        write_in_site(ours.pk, _ADD, [new_id(), theirs.pk, "smuggled", ours.pk], waits_for_disk=False)
    assert read_in_site(theirs.pk, _NAMES, [""]) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT nullif(current_setting('app.site_id', true), '')")
        assert cursor.fetchone() == (None,)
