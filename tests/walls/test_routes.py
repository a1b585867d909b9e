"""Every operation of the document against every kind of caller: what each role may, nobody else may.

Made from docs/openapi.yaml, so an operation that nobody thought of here is tried as well, or fails.
"""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from facades.sessions_v1 import views
from sites.api.permissions import HasScope
from sites.roles import ALL_SCOPES, SCOPES_OF_ROLE, Role
from tests import make
from tests.counts import told, tried
from tests.walls import callers
from tests.walls.document import OPERATIONS, Operation, Place

pytestmark = pytest.mark.django_db

ANY_CALLER = {"get_me", "create_ticket", "get_own_user", "patch_own_user"}
NOT_BY_KEY = {"patch_own_user"}
OPEN = {
    "get_health",
    "get_root",
    "accept_invitation",
    "redeem_bootstrap",
    "request_password_reset",
    "confirm_password_reset",
}
OF_INSTANCES = {"events": "instances", "logs": "logs", "plans": "plans", "recordings": "recordings"}
ACTS = {"actions", "cdp", "files", "screenshot", "computer-action", "bash-action"}
OF_DIALECTS = dict.fromkeys(["desktop", "start", "instance", "instances"], "instances")
OF_DIALECTS["auth_states"] = "browser-states"
ACTS |= {"computer", "bash", "edit", "file", "upload", "env", "browser"}
REFUSED = {401, 403}


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """For machines that no worker makes here."""
    monkeypatch.setattr(views, "WAITED_S", 0.0)


OF_OTHERS = {"providers": "instances"}
"""Addresses that belong to another noun's scopes."""


def scope_of(operation: Operation) -> str | None:
    """By the address and the method alone, as docs/roles.md says it; None where any caller may."""
    if operation.name in ANY_CALLER:
        return None
    beneath = operation.path.split("/")[4:5]
    if operation.is_dialect:
        noun = OF_DIALECTS[operation.noun]
        return f"{noun}:{'act' if beneath and beneath[0] in ACTS else 'read' if operation.method == 'GET' else 'write'}"
    noun = OF_OTHERS.get(operation.noun, operation.noun)
    if beneath and noun == "instances":
        noun = OF_INSTANCES.get(beneath[0], noun)
    if beneath and beneath[0] in ACTS:
        return f"{noun}:act"
    return f"{noun}:{'read' if operation.method == 'GET' else 'write'}"


CLOSED = [operation for name, operation in sorted(OPERATIONS.items()) if name not in OPEN]
SCOPED = [operation for operation in CLOSED if scope_of(operation)]


def _documented(operation: Operation, answer: Any) -> int:
    assert str(answer.status_code) in operation.said["responses"], (answer.status_code, answer.content)
    return int(answer.status_code)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_is_open_or_needs_a_scope_of_the_table(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation.is_open == (name in OPEN)
    if name not in OPEN:
        scope = scope_of(operation)
        assert scope is None or scope in ALL_SCOPES, f"{name} is not covered: no role has {scope}"
        assert operation.said.get("x-scope") == scope


@pytest.mark.parametrize("operation", CLOSED, ids=lambda operation: operation.name)
def test_each_role_may_what_the_table_says(operation: Operation) -> None:
    for role in Role.values:
        place = Place()
        answer = place.ask(operation, make.client(place.site, role))
        status = _documented(operation, answer)
        scope = scope_of(operation)
        allowed = (scope is None or scope in SCOPES_OF_ROLE[role]) and operation.name not in NOT_BY_KEY
        if allowed:
            assert status < 500 and status not in {400, 404, *REFUSED}, (role, status, answer.content)
        else:
            assert status == 403, (role, status)
            assert answer.json()["details"] == ({"scope": scope} if scope else {})


@pytest.mark.parametrize("operation", SCOPED, ids=lambda operation: operation.name)
def test_a_key_without_the_scope_is_refused_by_the_service_too(
    operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, scope = Place(), scope_of(operation)
    owner_without = make.client(place.site, scopes=[other for other in ALL_SCOPES if other != scope])
    assert _documented(operation, place.ask(operation, owner_without)) == 403
    monkeypatch.setattr(HasScope, "has_permission", lambda *_: True)
    behind_the_door = place.ask(operation, owner_without)
    assert (behind_the_door.status_code, behind_the_door.json()["details"]) == (403, {"scope": scope})


@pytest.mark.parametrize("operation", CLOSED, ids=lambda operation: operation.name)
def test_nobody_and_whoever_is_gone_are_not_signed_in(operation: Operation) -> None:
    place = Place()
    for why, secret in callers.refused(place.site).items():
        answer = place.ask(operation, make.client_with(secret))
        assert (_documented(operation, answer), answer.json()["code"]) == (401, "NOT_AUTHENTICATED"), why
        tried("operations x callers who are nobody or gone, refused")


@pytest.mark.parametrize("operation", CLOSED, ids=lambda operation: operation.name)
def test_the_owner_of_another_site_meets_nothing_of_ours(operation: Operation) -> None:
    place = Place()
    answer = place.ask(operation, make.client(make.site()))
    status = _documented(operation, answer)
    if "{id}" in operation.path:
        assert status == 404, (status, answer.content)
    else:
        body = b"" if answer.streaming else answer.content
        assert str(place.site.pk).encode() not in body
        assert not any(row["id"].encode() in body for row in place.rows.values())


@pytest.mark.parametrize("name", sorted(OPEN))
def test_what_is_open_asks_nobody_who_they_are(name: str) -> None:
    answer = Place().ask(OPERATIONS[name], APIClient())
    assert _documented(OPERATIONS[name], answer) not in REFUSED


def test_the_walk_sees_the_operations() -> None:
    let_in_or_not = len(Role.values) + 2  # by role; and without the scope, and of another site
    kinds = let_in_or_not + len(callers.refused(make.site()))
    told(f"{len(OPERATIONS):8,} operations, {len(CLOSED)} closed, against {kinds} callers each")
    assert len(CLOSED) > 50
