"""The second wall: what the database itself shows to a request that forgot to ask for its site."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction

from common.tenancy import CREW, current_site_id, site_scope
from sites.models import Agent, SiteOwned
from tests import make

pytestmark = pytest.mark.django_db

TENANT_MODELS = [model for model in apps.get_models() if issubclass(model, SiteOwned)]
ALSO_GUARDED = {"sites_site", "sites_user"}


def _guarded_tables() -> set[str]:
    with connections[CREW].cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class c WHERE relrowsecurity AND relforcerowsecurity AND NOT relispartition"
            " AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'tenant')"
        )
        return {name for (name,) in cursor.fetchall()}


def _tables_with_a_site() -> set[str]:
    with connections[CREW].cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE a.attname = 'site_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT a.attisdropped"
            " AND c.relnamespace = 'public'::regnamespace"
        )
        return {name for (name,) in cursor.fetchall()}


def _names_seen() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sites_agent")
        return {name for (name,) in cursor.fetchall()}


def test_every_table_with_a_site_forces_its_policy() -> None:
    tables = _tables_with_a_site() | ALSO_GUARDED | {model._meta.db_table for model in TENANT_MODELS}
    assert len(tables) >= 5
    assert tables <= _guarded_tables()


def test_the_requests_role_is_neither_superuser_nor_exempt_nor_owner() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user")
        assert cursor.fetchone() == (0,)


def test_every_tenant_model_has_everywhere_and_no_objects() -> None:
    for model in TENANT_MODELS:
        assert not hasattr(model, "objects"), model
        assert model.everywhere.get_queryset().db == CREW, model


def test_a_raw_select_in_a_scope_sees_one_site_and_without_one_none() -> None:
    ours, theirs = make.site(), make.site()
    make.agent(ours, "ours")
    make.agent(theirs, "theirs")
    with site_scope(ours.pk):
        assert _names_seen() == {"ours"}
    with site_scope(theirs.pk):
        assert _names_seen() == {"theirs"}
    assert _names_seen() == set()
    assert current_site_id() is None


def test_a_scope_is_gone_after_a_rollback_on_the_same_connection() -> None:
    ours = make.site()
    make.agent(ours, "ours")
    with pytest.raises(ZeroDivisionError), site_scope(ours.pk):
        assert _names_seen() == {"ours"}
        raise ZeroDivisionError
    assert _names_seen() == set()
    with transaction.atomic():
        assert _names_seen() == set()


def test_a_scope_within_another_sites_scope_is_refused() -> None:
    with site_scope(make.site().pk), pytest.raises(RuntimeError), site_scope(make.site().pk):
        pass


def test_a_row_for_another_site_can_not_be_written() -> None:
    ours, theirs = make.site(), make.site()
    with pytest.raises(ProgrammingError, match="row-level security"), site_scope(ours.pk):
        Agent(site_id=theirs.pk, name="smuggled").save(using="default")
    assert not Agent.everywhere.exists()


def test_another_sites_row_can_be_neither_changed_nor_deleted() -> None:
    ours, theirs = make.site(), make.site()
    agent = make.agent(theirs, "theirs")
    with site_scope(ours.pk), connection.cursor() as cursor:
        cursor.execute("UPDATE sites_agent SET name = 'taken' WHERE id = %s", [agent.pk])
        assert cursor.rowcount == 0
        cursor.execute("DELETE FROM sites_agent WHERE id = %s", [agent.pk])
        assert cursor.rowcount == 0
    assert Agent.everywhere.get(pk=agent.pk).name == "theirs"


def test_a_key_can_not_act_for_an_agent_of_another_site() -> None:
    ours, theirs = make.site(), make.site()
    with pytest.raises(IntegrityError):
        make.key(ours, acts_for=make.agent(theirs))


def test_people_are_seen_only_where_they_are_members() -> None:
    ours, theirs = make.site(), make.site()
    insider, stranger = make.member(ours).user, make.member(theirs).user
    with site_scope(ours.pk), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM sites_user")
        assert cursor.fetchall() == [(insider.pk,)]
    assert insider.pk != stranger.pk
