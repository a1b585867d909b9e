"""What is answered when something of ours breaks in the middle: nothing that was sent, nothing that is configured."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from common.ids import new_id
from instances import services
from sites import second_factor
from tests import make
from tests.counts import tried
from tests.walls.canary import hidden

pytestmark = pytest.mark.django_db


def _fail(*_: Any, **__: Any) -> None:
    raise RuntimeError("a fault of ours")


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_fault_tells_nothing_of_what_was_sent(
    debug: bool, accept: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = debug
    settings.REDIS_SENTINEL = settings.GATEWAY_SECRET = f"Canary{new_id().hex}"
    monkeypatch.setattr(services, "request_instance", _fail)
    monkeypatch.setattr(second_factor, "is_enrolled", _fail)
    user = make.user()
    _, key = make.key(make.site())
    browser = Client(raise_request_exception=False)
    browser.cookies["of_somebody"] = cookie = f"Canary{new_id().hex}"
    variable = f"Canary{new_id().hex}"

    api = APIClient(raise_request_exception=False)
    body = {"name": "d", "instance_type": "ubuntu", "environment_variables": {"BIRD": variable}}
    posted = api.post(
        "/api/instances", body, format="json", headers={"authorization": f"Bearer {key}", "accept": accept}
    )
    form = {"username": user.email, "password": make.PASSWORD}
    signing_in = browser.post(f"/api/login?token={cookie}", form, headers={"accept": accept})

    assert (posted.status_code, signing_in.status_code) == (500, 500)
    said = posted.content + signing_in.content
    assert debug == (b"a fault of ours" in said), "with DEBUG on the page says what broke"
    for canary in (key, variable, cookie, make.PASSWORD, settings.GATEWAY_SECRET):
        assert not any(form in said for form in hidden(canary))
        tried("canaries in exception pages, not found")
