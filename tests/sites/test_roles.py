"""The one table of roles and scopes, as it was agreed."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import Forbidden
from sites.principal import Principal
from sites.roles import ALL_SCOPES, SCOPES_OF_ROLE, Role, effective_scopes
from tests.make import new_id

TABLE = {
    # scope: the roles that have it
    "sites:read": "viewer operator admin owner",
    "users:read": "viewer operator admin owner",
    "memberships:read": "viewer operator admin owner",
    "agents:read": "viewer operator admin owner",
    "instances:read": "viewer operator admin owner",
    "logs:read": "viewer operator admin owner",
    "plans:read": "viewer operator admin owner",
    "templates:read": "viewer operator admin owner",
    "browser-states:read": "viewer operator admin owner",
    "browser-states:write": "operator admin owner",
    "schedules:read": "viewer operator admin owner",
    "recordings:read": "viewer operator admin owner",
    "recordings:write": "operator admin owner",
    "agents:write": "operator admin owner",
    "instances:write": "operator admin owner",
    "instances:act": "operator admin owner",
    "logs:write": "operator admin owner",
    "plans:write": "operator admin owner",
    "templates:write": "operator admin owner",
    "schedules:write": "operator admin owner",
    "audit:read": "admin owner",
    "keys:read": "admin owner",
    "keys:write": "admin owner",
    "memberships:write": "admin owner",
    "users:write": "admin owner",
    "invitations:read": "admin owner",
    "invitations:write": "admin owner",
    "webhooks:read": "admin owner",
    "webhooks:write": "admin owner",
    "sites:write": "owner",
}


def test_the_table_names_every_scope_and_role() -> None:
    assert sorted(TABLE) == ALL_SCOPES
    assert set(SCOPES_OF_ROLE) == set(Role.values)


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("scope", sorted(TABLE))
def test_a_role_has_the_scopes_of_the_table_and_no_other(role: str, scope: str) -> None:
    principal = Principal(new_id(), new_id(), role, effective_scopes(role, []), via="session")
    if role in TABLE[scope].split():
        principal.must(scope)
    else:
        with pytest.raises(Forbidden) as refusal:
            principal.must(scope)
        assert refusal.value.details == {"scope": scope}


def test_a_keys_scopes_only_narrow_its_role() -> None:
    assert effective_scopes("viewer", ["instances:act"]) == frozenset()
    assert effective_scopes("owner", ["instances:act"]) == {"instances:act"}
    assert effective_scopes("viewer", []) == SCOPES_OF_ROLE["viewer"]


def test_the_page_on_roles_says_what_the_table_says():
    page = (Path(__file__).resolve().parents[2] / "docs" / "roles.md").read_text()
    said = {cells[1].strip("` "): cells[2:-1] for line in page.splitlines() if len(cells := line.split("|")) == 7}
    for scope in ALL_SCOPES:
        granted = [scope in scopes for scopes in SCOPES_OF_ROLE.values()]
        assert [cell.strip() == "yes" for cell in said[scope]] == granted
