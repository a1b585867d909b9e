"""The live view's page and what it may ask: for how long, for whom, and what is left in the log."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from django.conf import settings
from django.test import Client

from common import tokens
from common.tenancy import CREW
from common.tokens import Claims
from instances.models import Instance, Log
from sites.models import ApiKey, Membership, Site
from sites.roles import Role
from tests import make
from tests.instances.conftest import World, later, principal_of_new_site, world
from tests.instances.test_api import Api

VIEWER = "0123456789abcdef"


def post(what: str, **body: object) -> tuple[int, dict]:
    answer = Client().post(f"/view/{what}", json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json()


def link(world: World, instance: Instance, query: str = "") -> tuple[str, dict]:
    found = Api(world.principal)("GET", f"/api/instances/{instance.pk}/view{query}", status=200)
    url, _, token = found["url"].partition("#")
    assert url == f"{settings.PUBLIC_URL}/view"
    return token, found


def said(token: str) -> Claims:
    return tokens.opened(token, settings.GATEWAY_SECRET, purpose="view", now_s=time.time())


def viewer_of(world: World) -> World:
    site = Site.objects.using(CREW).get(pk=world.principal.site_id)
    return replace(world, principal=replace(world.principal, user_id=make.member(site, Role.VIEWER).user_id))


def test_a_link_says_whose_machine_it_shows_and_what_its_bearer_may(world: World):
    instance = world.running()
    token, found = link(world, instance)
    claims = said(token)
    assert (claims.subject, claims.mode, found["mode"]) == (instance.machine, "drive", "drive")
    assert link(world, instance, "?mode=watch")[1]["mode"] == "watch"
    watcher = viewer_of(world)
    assert link(watcher, instance)[1]["mode"] == "watch"
    Api(watcher.principal)("GET", f"/api/instances/{instance.pk}/view?mode=drive", status=403)
    Api(world.principal)("GET", f"/api/instances/{instance.pk}/view?mode=both", status=400)
    Api(principal_of_new_site())("GET", f"/api/instances/{instance.pk}/view", status=404)


def test_an_open_page_gets_newer_tokens_and_keeps_the_instance_in_use(world: World):
    instance = world.running()
    token, _ = link(world, instance)
    status, found = post("session", token=token, viewer=VIEWER)
    assert (status, found["status"], found["mode"], found["driver"]) == (200, "running", "drive", None)
    assert said(found["token"]).expires_at > said(token).expires_at
    assert said(found["token"]).renew_until == said(token).renew_until
    assert world.read(instance).active_until is not None
    Instance.everywhere.filter(pk=instance.pk).update(incarnation=2)
    assert said(post("session", token=found["token"], viewer=VIEWER)[1]["token"]).subject.endswith("-2")


def test_a_page_ends_with_the_standing_of_whoever_asked_for_it(world: World):
    instance = world.running()
    token, _ = link(world, instance)
    ApiKey.everywhere.filter(site_id=world.principal.site_id).update(expires_at=Instance.everywhere.get().created_at)
    assert post("session", token=token, viewer=VIEWER)[0] == 401


def test_a_role_that_sinks_turns_a_page_into_one_for_watching(world: World):
    instance = world.running()
    token, _ = link(world, instance)
    Membership.everywhere.filter(user_id=world.principal.user_id).update(role=Role.VIEWER)
    assert post("session", token=token, viewer=VIEWER)[1]["mode"] == "watch"
    assert post("wheel", token=token, viewer=VIEWER, wish="take")[0] == 403


def test_no_page_goes_on_beyond_its_time(world: World, later):
    instance = world.running()
    token, _ = link(world, instance)
    later(9 * 60)
    token = post("session", token=token, viewer=VIEWER)[1]["token"]
    for _ in range(12):
        later(59 * 60)
        token = post("session", token=token, viewer=VIEWER)[1]["token"]
    later(59 * 60)
    assert post("session", token=token, viewer=VIEWER)[0] == 401


def test_each_taking_leaves_an_entry_and_agents_are_told(world: World):
    instance = world.running()
    api = Api(world.principal)
    token, _ = link(world, instance)
    watch, _ = link(world, instance, "?mode=watch")

    assert post("wheel", token=watch, viewer=VIEWER, wish="take")[0] == 403
    assert post("wheel", token=token, viewer=VIEWER, wish="take")[0] == 200
    assert api("GET", f"/api/instances/{instance.pk}/view/driver", status=200)["driver"]["name"] == VIEWER
    status, refused = post("wheel", token=token, viewer="another-0123456789", wish="take")
    assert (status, refused["code"]) == (409, "DRIVEN")
    click = {"type": "click", "x": 1, "y": 1}
    assert api("POST", f"/api/instances/{instance.pk}/actions", click, status=409)["code"] == "DRIVEN"
    api("POST", f"/api/instances/{instance.pk}/actions", {"type": "bash", "command": "true"}, status=200)
    assert post("wheel", token=token, viewer="another-0123456789", wish="force")[0] == 200
    assert post("wheel", token=token, viewer=VIEWER, wish="release")[0] == 200

    entries = Log.everywhere.filter(instance=instance, tool_name="view").order_by("id")
    assert [entry.details["view"] for entry in entries] == ["take", "force", "release"]
    assert {entry.user_id for entry in entries} == {world.principal.user_id}
    assert api("GET", f"/api/instances/{instance.pk}/view/driver", status=200) == {"driver": None}


def test_who_takes_the_wheel_a_moment_later_does_not_take_it_from_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    instance = world.running()
    token, _ = link(world, instance)
    assert post("wheel", token=token, viewer=VIEWER, wish="take")[0] == 200
    with monkeypatch.context() as moment:
        moment.setattr(world.guests, "driver", lambda machine: None)  # as it was when the second one looked
        status, refused = post("wheel", token=token, viewer="another-0123456789", wish="take")
    assert (status, refused["code"]) == (409, "DRIVEN")
    assert world.guests.driver(instance.machine).label == VIEWER
    assert "did not get" in Log.everywhere.filter(instance=instance, tool_name="view").latest("id").message


@pytest.mark.parametrize("what", ["session", "wheel"])
def test_a_token_of_nobody_is_a_401(world: World, what: str):
    instance = world.running()
    claims = said(link(world, instance)[0])
    stolen = tokens.sign("another secret", claims)
    cdp = tokens.sign(settings.GATEWAY_SECRET, Claims(purpose="cdp", subject=claims.subject, expires_at=2**40))
    for token in (stolen, cdp, "x"):
        assert post(what, token=token, viewer=VIEWER, wish="take")[0] == 401


@pytest.mark.parametrize("path", ["/view/session", "/view/wheel", "/replay/session", "/replay/frames"])
def test_what_no_page_of_ours_says_is_a_400(db: None, path: str):
    browser = Client(raise_request_exception=False)
    deep, broken = b'{"token": "x", "more": ' + b"[" * 100_000, b'{"token": "\xff"}'
    for body in (deep, deep + b"]" * 100_000 + b"}", broken, b"[]", b"", b'{"token": 1}'):
        answer = browser.post(path, body, content_type="application/json")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (400, "no-store"), answer.content


def test_the_page_asks_nobody_else_and_is_kept_by_nobody(db: None):
    answer = Client().get("/view")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert (answer["Referrer-Policy"], answer["Cache-Control"]) == ("no-referrer", "no-store")
    assert "X-Frame-Options" not in answer
    assert "http" not in answer.content.decode().replace("http-equiv", ""), "an address of somebody else's"


__all__ = ["later", "world"]
