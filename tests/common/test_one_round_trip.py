"""A tenant's statements in one message: the same walls as in a scope, and all of it or nothing."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from common.ids import new_id
from common.tenancy import current_site_id, execute_in_site, site_scope
from sites.models import Agent
from tests import make

pytestmark = pytest.mark.django_db
_NAMES = "SELECT name FROM sites_agent ORDER BY name"
_INSERT = """
INSERT INTO sites_agent (id, created_at, updated_at, site_id, name, description, is_active)
VALUES (%s, now(), now(), %s, %s, '', true)
"""


def test_it_sees_its_own_site_and_leaves_no_scope_behind() -> None:
    ours, theirs = make.site(), make.site()
    make.agent(ours, "ours")
    make.agent(theirs, "theirs")
    assert execute_in_site(ours.pk, _NAMES, []) == [("ours",)]
    assert execute_in_site(theirs.pk, _NAMES, []) == [("theirs",)]
    with connection.cursor() as cursor:
        cursor.execute(_NAMES)
        assert cursor.fetchall() == []
    assert current_site_id() is None


def test_it_is_one_query_to_the_database() -> None:
    ours = make.site()
    with CaptureQueriesContext(connection) as queries:
        execute_in_site(ours.pk, _NAMES, [])
    assert len(queries) == 1


def test_a_later_statement_that_fails_undoes_the_earlier_ones() -> None:
    ours = make.site()
    with pytest.raises(DatabaseError):
        execute_in_site(ours.pk, f"{_INSERT}; SELECT 1/%s", [new_id(), ours.pk, "half", 0])
    assert not Agent.everywhere.filter(site=ours).exists()
    assert execute_in_site(ours.pk, _NAMES, []) == []


def test_it_cannot_write_into_another_site() -> None:
    ours, theirs = make.site(), make.site()
    with pytest.raises(DatabaseError):
        execute_in_site(ours.pk, _INSERT, [new_id(), theirs.pk, "smuggled"])
    assert not Agent.everywhere.filter(site=theirs).exists()


def test_within_a_scope_it_is_part_of_that_one() -> None:
    ours = make.site()
    with pytest.raises(ZeroDivisionError), site_scope(ours.pk):
        execute_in_site(ours.pk, _INSERT, [new_id(), ours.pk, "undone"])
        assert execute_in_site(ours.pk, _NAMES, []) == [("undone",)]
        raise ZeroDivisionError
    assert not Agent.everywhere.filter(site=ours).exists()


def test_within_another_sites_scope_it_is_refused() -> None:
    ours, theirs = make.site(), make.site()
    with pytest.raises(RuntimeError), site_scope(theirs.pk):
        execute_in_site(ours.pk, _NAMES, [])
