"""The second wall, table by table: what a request sees that forgets to ask for its site."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection, connections

from common.tenancy import CREW
from sites import selectors
from tests import make
from tests.counts import told
from tests.walls.document import Place

pytestmark = pytest.mark.django_db

OURS = ["sites", "instances", "plans"]
# Django's own, about people of the platform and not about a site; a request's role reads them for nobody.
OF_THE_PLATFORM = {"sites_user_groups", "sites_user_user_permissions"}
NOUNS = [
    "users",
    "memberships",
    "invitations",
    "agents",
    "keys",
    "instances",
    "logs",
    "plans",
    "webhooks",
    "deliveries",
    "templates",
    "schedules",
    "recordings",
    "browser-states",
]


def _tables() -> Iterator[str]:
    for label in OURS:
        yield from (model._meta.db_table for model in apps.get_app_config(label).get_models(include_auto_created=True))


def _site_column(table: str) -> str | None:
    with connections[CREW].cursor() as cursor:
        columns = {column.name for column in connections[CREW].introspection.get_table_description(cursor, table)}
    return "site_id" if "site_id" in columns else "id" if table == "sites_site" else None


def _sites_in(table: str, column: str) -> set[UUID]:
    """By a statement that names no site, on whatever transaction is open."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT DISTINCT {column} FROM "{table}"')
        return {site_id for (site_id,) in cursor.fetchall()}


def test_every_table_of_ours_has_a_policy_or_is_the_platforms() -> None:
    with connections[CREW].cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class c WHERE relrowsecurity AND relforcerowsecurity"
            " AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'tenant')"
        )
        guarded = {name for (name,) in cursor.fetchall()}
    assert set(_tables()) - OF_THE_PLATFORM <= guarded


def test_a_raw_select_in_a_request_sees_one_site_in_every_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = Place(), Place()
    for place in (ours, theirs):
        for noun in NOUNS:
            place.row(noun)
    columns = {table: column for table in _tables() if (column := _site_column(table))}
    with connections[CREW].cursor() as cursor:
        filled = {table for table, column in columns.items() if len(_all_sites(cursor, table, column)) == 2}
    seen: dict[str, set[UUID]] = {}
    agents = selectors.agents

    def look_around(principal: Any) -> Any:
        seen.update({table: _sites_in(table, column) for table, column in columns.items()})
        return agents(principal)

    monkeypatch.setattr(selectors, "agents", look_around)
    assert make.client(ours.site).get("/api/agents").status_code == 200
    assert {table: seen[table] for table in filled} == {table: {ours.site.pk} for table in filled}
    assert all(sites <= {ours.site.pk} for sites in seen.values())
    told(f"{len(columns):8,} tables of tenants, {len(filled)} of them with rows of two sites")
    assert len(filled) >= len(NOUNS)


def _all_sites(cursor: Any, table: str, column: str) -> set[UUID]:
    cursor.execute(f'SELECT DISTINCT {column} FROM "{table}"')
    return {site_id for (site_id,) in cursor.fetchall()}
