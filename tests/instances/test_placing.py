"""Where machines are made: what a request or a template may choose, and what it gets where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from instances import pools, services
from instances.models import Instance, Template
from instances.providers import registry
from orchestrator import providers
from sites.models import Site
from tests import make
from tests.doubles import FakeProvider
from tests.instances.conftest import World, principal_of_new_site

FILE = """
[frankfurt]
driver = "tests.doubles.FakeProvider"
region = "eu-central-1"
flavours = {{ ubuntu = {{ image = "ami-1" }}, browser = {{ image = "ami-2" }} }}

[ohio]
driver = "tests.doubles.FakeProvider"
region = "us-east-2"
types = ["ubuntu", "windows"]

[ours]
driver = "tests.doubles.FakeProvider"
region = "us-east-2"
sites = ["{site}"]

[old]
driver = "tests.doubles.FakeProvider"
offered = false
"""


@pytest.fixture
def placed(world: World, tmp_path: Path) -> Iterator[World]:
    """The world with four more providers by an operator's file; `fake` is where nobody chooses."""
    path = tmp_path / "providers.toml"
    path.write_text(FILE.format(site=world.principal.site_id))
    registry.configure({**settings.PROVIDERS, **providers.read(path, defaults={})})
    for name in ("fake", "frankfurt", "ohio", "ours", "old"):
        registry.install(name, world.provider if name == "fake" else FakeProvider())
    yield world
    registry.configure(settings.PROVIDERS)


@pytest.fixture
def client(placed: World) -> Any:
    return make.client(Site(pk=placed.principal.site_id))


def _ask(client: Client, **body: Any) -> tuple[str, str]:
    answer = client.post("/api/instances", {"name": "desk", "instance_type": "ubuntu", **body})
    assert answer.status_code == 201, answer.content
    return answer.json()["provider"], answer.json()["region"]


@pytest.mark.parametrize(
    ("wish", "where"),
    [
        ({}, ("fake", "")),
        ({"provider": "ohio"}, ("ohio", "us-east-2")),
        ({"region": "us-east-2"}, ("ohio", "us-east-2")),
        ({"region": "us-east-2", "instance_type": "browser"}, ("ours", "us-east-2")),
        ({"provider": "ours", "region": "us-east-2"}, ("ours", "us-east-2")),
        ({"provider": "", "region": ""}, ("fake", "")),
    ],
)
def test_a_machine_is_made_at_the_first_that_is_as_wished(client, wish, where):
    assert _ask(client, **wish) == where


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"provider": "nowhere"}, "provider"),
        ({"provider": "old"}, "provider"),
        ({"provider": "local"}, "provider"),
        ({"region": "eu-west-9"}, "region"),
        ({"provider": "ohio", "region": "eu-central-1"}, "region"),
        ({"provider": "frankfurt", "instance_type": "windows"}, "instance_type"),
    ],
)
def test_what_operators_do_not_offer_is_refused_by_its_field(client, wish, field):
    body = {"name": "desk", "instance_type": "ubuntu", **wish}
    for path in ("/api/instances", "/api/templates"):
        answer = client.post(path, body)
        assert answer.status_code == 400, answer.content
        assert list(answer.json()["details"]["fields"]) == [field]
    assert (Instance.everywhere.count(), Template.everywhere.count()) == (0, 0)


def test_another_site_is_not_offered_what_is_one_sites_own(client):
    shown = client.get("/api/providers").json()["providers"]
    assert [(each["name"], each["region"], each["instance_types"]) for each in shown] == [
        ("fake", "", ["ubuntu", "browser", "windows"]),
        ("frankfurt", "eu-central-1", ["ubuntu", "browser"]),
        ("ohio", "us-east-2", ["ubuntu", "windows"]),
        ("ours", "us-east-2", ["ubuntu", "browser", "windows"]),
    ]
    stranger = make.client(Site(pk=principal_of_new_site().site_id))
    theirs = stranger.get("/api/providers").json()["providers"]
    assert [each["name"] for each in theirs] == ["fake", "frankfurt", "ohio"]
    assert stranger.post("/api/instances", {"name": "desk", "provider": "ours"}).status_code == 400


def test_a_template_says_where_and_a_request_may_say_it_anew(client):
    made = client.post("/api/templates", {"name": "desk", "instance_type": "ubuntu", "region": "eu-central-1"})
    assert made.json()["region"] == "eu-central-1"
    assert _ask(client, template="desk") == ("frankfurt", "eu-central-1")
    assert _ask(client, template="desk", provider="ohio") == ("ohio", "us-east-2")


def test_a_pools_members_are_where_the_template_says_and_serve_nobody_who_wants_another_place(placed, client):
    template = client.post(
        "/api/templates", {"name": "warm", "instance_type": "ubuntu", "provider": "ohio", "pool_size": 1}
    ).json()
    pools.refill(template["id"], placed.principal.site_id)
    member = Instance.everywhere.get(pooled=True)
    placed.guests.arrive(placed.settle(member).machine)
    assert (placed.settle(member).status, member.provider, member.region) == ("running", "ohio", "us-east-2")
    elsewhere = services.request_instance(placed.principal, name="a", template="warm", region="eu-central-1")
    assert (elsewhere.status, elsewhere.provider) == ("pending", "frankfurt")
    assert services.request_instance(placed.principal, name="b", template="warm").pk == member.pk


def test_a_pool_whose_place_is_withdrawn_says_so_and_makes_nothing(placed, client):
    template = client.post(
        "/api/templates", {"name": "warm", "instance_type": "ubuntu", "provider": "ours", "pool_size": 1}
    ).json()
    registry.configure(settings.PROVIDERS)
    pools.refill(template["id"], placed.principal.site_id)
    assert not Instance.everywhere.filter(pooled=True).exists()
    assert "'ours' is not to be had here" in Template.everywhere.get(pk=template["id"]).pool_reason
