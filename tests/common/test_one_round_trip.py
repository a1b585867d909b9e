"""A tenant's statements in one message: the same walls as in a scope, and all of it or nothing."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from common.rows import insert_of
from common.tenancy import CREW, current_site_id, execute_in_site, site_scope
from sites.models import Agent
from tests import make

pytestmark = pytest.mark.django_db
_NAMES = "SELECT name FROM sites_agent ORDER BY name"


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
    insert, values = insert_of(Agent(site=ours, name="half"))
    with pytest.raises(DatabaseError):
        execute_in_site(ours.pk, f"{insert}; SELECT 1/%s", [*values, 0])
    assert not Agent.everywhere.filter(site=ours).exists()
    assert execute_in_site(ours.pk, _NAMES, []) == []


def test_it_cannot_write_into_another_site() -> None:
    ours, theirs = make.site(), make.site()
    insert, values = insert_of(Agent(site=theirs, name="smuggled"))
    with pytest.raises(DatabaseError):
        execute_in_site(ours.pk, insert, values)
    assert not Agent.everywhere.filter(site=theirs).exists()


def test_within_a_scope_it_is_part_of_that_one() -> None:
    ours = make.site()
    insert, values = insert_of(Agent(site=ours, name="undone"))
    with pytest.raises(ZeroDivisionError), site_scope(ours.pk):
        execute_in_site(ours.pk, insert, values)
        assert execute_in_site(ours.pk, _NAMES, []) == [("undone",)]
        raise ZeroDivisionError
    assert not Agent.everywhere.filter(site=ours).exists()


def test_within_another_sites_scope_it_is_refused() -> None:
    ours, theirs = make.site(), make.site()
    with pytest.raises(RuntimeError), site_scope(theirs.pk):
        execute_in_site(ours.pk, _NAMES, [])


def test_an_inserted_row_is_as_a_saved_one() -> None:
    ours = make.site()
    inserted, saved = Agent(site=ours, name="inserted"), Agent(site=ours, name="saved")
    execute_in_site(ours.pk, *insert_of(inserted))
    saved.save(using=CREW, force_insert=True)
    rows = {row["name"]: row for row in Agent.everywhere.filter(site=ours).values()}
    own = ("id", "name", "created_at", "updated_at")
    assert {**rows["inserted"], **dict.fromkeys(own)} == {**rows["saved"], **dict.fromkeys(own)}
    assert rows["inserted"]["id"] == inserted.pk
