"""The forms of an address that mean the same."""

from __future__ import annotations

import pytest

from common.api.middleware import canonical
from tests import make

ID = "0199c0de-7abc-7def-8abc-0123456789ab"


@pytest.mark.parametrize(
    ("path", "same"),
    [
        (f"/api/agents/{ID.upper()}", f"/api/agents/{ID}"),
        (f"/api/agents/{ID.upper()}/", f"/api/agents/{ID}"),
        (f"/api/Agents/{ID.title()}/Logs", f"/api/Agents/{ID}/Logs"),
        (f"/api/x{ID.upper()}", f"/api/x{ID.upper()}"),
        (f"/admin/{ID.upper()}/", f"/admin/{ID.upper()}/"),
        ("/api", "/api/"),
        ("/api/agents/", "/api/agents"),
    ],
)
def test_an_address_has_one_form(path: str, same: str) -> None:
    assert canonical(path) == same


@pytest.mark.django_db
def test_an_id_in_capitals_names_the_same_row() -> None:
    site = make.site()
    agent, client = make.agent(site), make.client(site)
    shown = client.get(f"/api/agents/{str(agent.pk).upper()}")
    assert (shown.status_code, shown.json()["id"]) == (200, str(agent.pk))
    unknown = client.get(f"/api/agents/{str(make.new_id()).upper()}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND")
