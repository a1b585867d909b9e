"""The second wall as PostgreSQL itself has it written down: policies, rights, roles and functions, none forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import connections

from common.tenancy import CREW
from sites.models import SiteOwned
from tests.counts import tried

pytestmark = pytest.mark.django_db

PLATFORMS = {
    **{key: {"SELECT"} for key in ["auth_permission", "django_content_type", "django_migrations"]},
    **{key: set() for key in ["auth_group", "auth_group_permissions", "django_session"]},
    **{key: set() for key in ["sites_user_groups", "sites_user_user_permissions"]},
}
"""Tables of no site, which have no policy, and what the requests' role may do to them as a whole."""
RIGHTS = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES"]
NARROWER = {
    "sites_user": {"SELECT", "INSERT"},
    "sites_site": {"SELECT"},
    "sites_auditentry": {"SELECT", "INSERT"},
    "django_admin_log": {"SELECT", "INSERT"},
}
"""Tables under a policy that the requests' role may not freely write."""
COLUMNS = {
    "sites_user": {"email", "name", "password", "password_by_others", "is_active"},
    "sites_site": {"name", "time_zone", "log_retention_days", "updated_at"},
}
LOOK_ACROSS = {"sites_find_key", "sites_find_invitation"}


def _rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connections[CREW].cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _relations(kinds: str, *, partitions: bool = False) -> list[str]:
    return [
        name
        for (name,) in _rows(
            "SELECT relname FROM pg_class WHERE relkind = ANY(%s) AND relispartition = %s"
            " AND relnamespace = 'public'::regnamespace ORDER BY 1",
            [*kinds],
            partitions,
        )
    ]


def _rights(role: str, table: str) -> set[str]:
    return {
        right
        for right, held in _rows(
            "SELECT r, has_table_privilege(%s, %s, r) FROM unnest(%s::text[]) AS r", role, table, RIGHTS
        )
        if held
    }


def test_every_table_forces_one_policy_on_everybody_or_is_the_platforms() -> None:
    tables = _relations("rp")
    for table in set(tables) - PLATFORMS.keys():
        forced = _rows("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = %s", table)
        assert forced == [(True, True)], table
        policies = _rows(
            "SELECT policyname, roles::text[], cmd, qual = with_check, qual ~ 'current_setting' OR qual = 'false'"
            " FROM pg_policies WHERE tablename = %s AND permissive = 'PERMISSIVE' ORDER BY 1",
            table,
        )
        assert policies == [
            ("migrations", ["owner"], "ALL", True, False),
            ("tenant", ["public"], "ALL", True, True),
        ], table
    models = [model for model in apps.get_models() if issubclass(model, SiteOwned)]
    assert {model._meta.db_table for model in models} <= set(tables) - PLATFORMS.keys()
    tried("tables under a policy, held", len(set(tables) - PLATFORMS.keys()))
    tried("models under a policy, held", len(models))


def test_the_requests_role_has_the_rights_that_are_listed_here_and_no_more() -> None:
    for table in _relations("rp"):
        usual = {"SELECT", "INSERT", "UPDATE", "DELETE"}
        assert _rights("app", table) == PLATFORMS.get(table, NARROWER.get(table, usual)), table
    for table, columns in COLUMNS.items():
        written = _rows(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND has_column_privilege('app', attrelid, attnum, 'UPDATE')",
            table,
        )
        assert {name for (name,) in written} == columns


def test_partitions_are_reached_through_their_table_alone() -> None:
    partitions = _relations("r", partitions=True)
    assert len(partitions) >= 2
    for table in partitions:
        assert _rights("app", table) == _rights("crew", table) == set(), table
        forced = _rows("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = %s", table)
        assert forced == [(True, True)], table
    tried("partitions closed to all but their owner, held", len(partitions))


def test_no_view_passes_the_wall_by() -> None:
    """A view reads as its owner does unless it is a `security_invoker`; a materialised one has no policies at all."""
    assert not _relations("m")
    for view in _relations("v"):
        options = _rows("SELECT coalesce(reloptions, '{}') FROM pg_class WHERE relname = %s", view)[0][0]
        assert "security_invoker=true" in options, view


def test_what_looks_across_looks_into_our_schema_alone() -> None:
    functions = _rows(
        "SELECT proname, pg_get_userbyid(proowner), proconfig FROM pg_proc"
        " WHERE prosecdef AND pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
    )
    assert {name for name, _, _ in functions} == LOOK_ACROSS
    for name, owner, configuration in functions:
        assert (owner, configuration) == ("owner", ["search_path=public, pg_temp"]), name
    assert _rows("SELECT has_schema_privilege(r, 'public', 'CREATE') FROM unnest('{app,crew}'::text[]) r") == [
        (False,),
        (False,),
    ]


def test_no_role_of_ours_is_more_than_its_name_says() -> None:
    roles = _rows(
        "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles"
        " WHERE rolname IN ('app', 'crew', 'owner') ORDER BY 1"
    )
    plain = (False, False, False, False)
    assert roles == [("app", *plain, False), ("crew", *plain, True), ("owner", *plain, False)]
    assert not _rows("SELECT roleid FROM pg_auth_members WHERE member::regrole::text IN ('app', 'crew', 'owner')")
    owners = _rows("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert owners == [("owner",)]
