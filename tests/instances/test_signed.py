"""Signed addresses: who gets one, what it says, and what nobody can make of it."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace

import pytest
from django.conf import settings

from common import tokens
from common.tenancy import CREW
from common.tokens import BadToken, Claims
from sites.models import Site
from sites.roles import Role
from tests import make
from tests.instances.conftest import World, principal_of_new_site, world
from tests.instances.test_api import Api

NOW = 1_000_000.0
GOOD = Claims(purpose="cdp", subject="a-1", expires_at=int(NOW) + 5, label="Ada")


def test_a_token_says_what_was_signed_until_it_expires():
    token = tokens.sign("secret", GOOD)
    assert tokens.opened(token, "secret", purpose="cdp", now_s=NOW) == GOOD
    with pytest.raises(BadToken, match="expired"):
        tokens.opened(token, "secret", purpose="cdp", now_s=NOW + 5)


def test_no_other_token_is_taken():
    token = tokens.sign("secret", GOOD)
    body, _, proof = token.partition(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps({**said, "subject": "b-1"}).encode()).rstrip(b"=").decode()
    derived = tokens.derive("secret", purpose="guest", subject=body)
    bad = [f"{other}.{proof}", body, f"{body}.", f".{proof}", f"{body}.{derived}", token + "A", "é", "", token * 20]
    for forged in bad:
        with pytest.raises(BadToken):
            tokens.opened(forged, "secret", purpose="cdp", now_s=NOW)
    for secret, purpose in (("other", "cdp"), ("secret", "view")):
        with pytest.raises(BadToken):
            tokens.opened(token, secret, purpose=purpose, now_s=NOW)


def _subject(url: str) -> str:
    token = url.rpartition("/cdp/")[2]
    return tokens.opened(token, settings.GATEWAY_SECRET, purpose="cdp", now_s=time.time()).subject


def test_a_running_browser_tells_its_address_to_whoever_may_act(world: World):
    instance = world.running(instance_type="browser")
    api = Api(world.principal)
    path = f"/api/instances/{instance.pk}"

    found = api("GET", f"{path}/cdp", status=200)

    assert found["cdp_url"].startswith("ws://") and found["http_url"].startswith("http://")
    assert _subject(found["cdp_url"]) == _subject(found["http_url"]) == instance.machine
    for answer in (
        api("GET", path, status=200),
        api("GET", path, status=200, accept="application/json; indent=0"),
        api("GET", f"{path}/wait?status=running&timeout_s=0", status=200),
    ):
        assert _subject(answer["cdp_url"]) == instance.machine
    assert api("GET", "/api/instances", status=200)["results"][0]["cdp_url"] is None


def test_whoever_may_only_read_and_other_sites_get_none(world: World):
    instance = world.running(instance_type="browser")
    path = f"/api/instances/{instance.pk}"
    site = Site.objects.using(CREW).get(pk=world.principal.site_id)
    user = make.member(site, Role.VIEWER).user
    viewer = Api(replace(world.principal, user_id=user.pk))
    viewer("GET", f"{path}/cdp", status=403)
    assert viewer("GET", path, status=200)["cdp_url"] is None
    Api(principal_of_new_site())("GET", f"{path}/cdp", status=404)


@pytest.mark.parametrize("instance_type", ["ubuntu", "browser"])
def test_what_does_not_run_or_is_no_browser_has_none(world: World, instance_type: str):
    api = Api(world.principal)
    running = world.running(instance_type=instance_type)
    if instance_type == "browser":
        api("POST", f"/api/instances/{running.pk}/stop", status=202)
        world.settle(running)
    refused = api("GET", f"/api/instances/{running.pk}/cdp", status=409)
    assert refused["code"] == ("NO_BROWSER" if instance_type == "ubuntu" else "CONFLICT")
    assert api("GET", f"/api/instances/{running.pk}", status=200)["cdp_url"] is None


def test_whoever_may_read_sees_the_screen_of_what_runs(world: World):
    instance = world.running()
    path = f"/api/instances/{instance.pk}/frames"
    site = Site.objects.using(CREW).get(pk=world.principal.site_id)
    viewer = Api(replace(world.principal, user_id=make.member(site, Role.VIEWER).user_id))
    shown = viewer("GET", path, status=200)
    url = shown["url"]
    assert shown["events_url"] == "http" + url.removeprefix("ws")
    claims = tokens.opened(url.rpartition("/frames/")[2], settings.GATEWAY_SECRET, purpose="frames", now_s=time.time())
    assert url.startswith("ws://") and claims.subject == instance.machine
    Api(principal_of_new_site())("GET", path, status=404)
    Api(world.principal)("POST", f"/api/instances/{instance.pk}/stop", status=202)
    world.settle(instance)
    viewer("GET", path, status=409)


def test_a_new_incarnation_has_another_address(world: World):
    instance = world.running(instance_type="browser")
    api = Api(world.principal)
    before = api("GET", f"/api/instances/{instance.pk}/cdp", status=200)["cdp_url"]
    type(instance).everywhere.filter(pk=instance.pk).update(incarnation=2)
    after = api("GET", f"/api/instances/{instance.pk}/cdp", status=200)["cdp_url"]
    assert _subject(before) != _subject(after)


__all__ = ["world"]
