"""A canary in every place that takes a secret, and a search for it wherever we show, log, send or keep something.

The places are found in the OpenAPI document and in the models, so that a new one is covered here or fails.
"""

from __future__ import annotations

import base64
import json
import logging
from dataclasses import dataclass, field
from typing import Any

import pyotp
import pytest
import yaml
from celery.signals import before_task_publish
from django.test import Client
from rest_framework.test import APIClient

from common.ids import new_id
from common.tenancy import CREW
from guest.protocol import browser_state
from instances import services, telling
from sites import second_factor
from sites.models import Site
from tests import make
from tests.counts import told
from tests.instances.conftest import World, world
from tests.walls.canary import Lines, admin_pages, coded, database, hidden, redis_values, secret_takers, unsealed
from tests.walls.document import OPERATIONS, Place
from tests.webhook_receiver import receiving

__all__ = ["world"]

Sinks = dict[str, list[bytes]]


@dataclass
class Nest:
    """Canaries by where they were put, and everything that was said meanwhile."""

    world: World
    replies: list[bytes] = field(default_factory=list)
    canaries: dict[str, str] = field(default_factory=dict)
    planted: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.site = Site.objects.using(CREW).get(pk=self.world.principal.site_id)
        _, self.key = make.key(self.site)
        self.canaries["the key of the caller"] = self.key
        self.client = make.client_with(self.key)

    def new(self, where: str) -> str:
        return self.canaries.setdefault(where, f"Canary{new_id().hex}")

    def send(self, operation: str, body: dict[str, Any], *names: str, **options: Any) -> Any:
        """Send `body`, in which `names` hold canaries, and keep the answer as one that must hold none."""
        method, path = operation.split()
        self.planted |= {(method + " " + options.pop("known_as", path), name) for name in names}
        client: APIClient = options.pop("client", self.client)
        answer = client.generic(method, path, json.dumps(body), "application/json", **options)
        self.replies.append(answer.content + str(answer.headers).encode())
        return answer


def _plant(nest: Nest, receiver_url: str) -> Any:
    secret = "whsec_" + base64.b64encode(nest.new("a webhook's secret").encode()).decode()
    hook = nest.send("POST /api/webhooks", {"url": receiver_url, "secret": secret}, "secret")
    assert hook.status_code == 201, hook.content
    instance = nest.world.running(environment_variables={"FIRST": nest.new("environment at the start")})
    made = nest.send(
        "POST /api/instances",
        {"name": "d", "instance_type": "ubuntu", "environment_variables": {"A": nest.new("environment, posted")}},
        "environment_variables",
    )
    assert made.status_code == 201, made.content
    for method in ("PATCH", "PUT"):
        variables = {"B": nest.new(f"environment by {method}")}
        path = f"/api/instances/{instance.pk}"
        body = {"environment_variables": variables}
        answer = nest.send(f"{method} {path}", body, "environment_variables", known_as="/api/instances/{id}")
        assert answer.status_code == 200, answer.content
    _plant_in_templates(nest)
    _plant_in_browsers(nest)
    boot = {"machine": f"{instance.pk.hex}-1", "token": nest.new("a wrong boot token"), "claim": "c" * 40}
    refused = nest.send("POST /api/system/bootstrap", boot, "token", client=APIClient())
    assert refused.status_code == 400, refused.content
    nest.send("POST /api/users", {"email": "a@example.com", "password": nest.new("a user's password")}, "password")
    for path in ("/api/invitations/accept", "/api/password-resets/confirm"):
        body = {"token": nest.new(f"token for {path}"), "password": nest.new(f"password for {path}")}
        assert nest.send(f"POST {path}", body, "token", "password", client=APIClient()).status_code == 400
    # These publish tasks, whose arguments are looked at.
    nest.send("POST /api/invitations", {"email": "b@example.com", "role": "viewer"})
    nest.send("POST /api/password-resets", {"email": "b@example.com"}, client=APIClient())
    nest.send(f"POST /api/instances/{instance.pk}/actions", {"type": "type", "text": nest.new("typed text")})
    return instance


def _plant_in_templates(nest: Nest) -> None:
    body = {"name": "desk", "environment_variables": {"T": nest.new("environment of a template")}}
    made = nest.send("POST /api/templates", body, "environment_variables")
    assert made.status_code == 201, made.content
    for method in ("PATCH", "PUT"):
        changed = {"environment_variables": {"T": nest.new(f"environment of a template by {method}")}}
        path = f"/api/templates/{made.json()['id']}"
        answer = nest.send(f"{method} {path}", changed, "environment_variables", known_as="/api/templates/{id}")
        assert answer.status_code == 200, answer.content


def _plant_in_browsers(nest: Nest) -> None:
    """One state is uploaded, and another one read from a browser and written into it again."""
    cookie = {"name": "sid", "value": nest.new("a cookie"), "domain": "shop.example"}
    item = {"name": "cart", "value": nest.new("local storage")}
    state = {"cookies": [cookie], "origins": [{"origin": "https://shop.example", "localStorage": [item]}]}
    made = nest.send("POST /api/browser-states", {"name": "shop", "state": state}, "state")
    assert made.status_code == 201, made.content
    browser = nest.world.running(instance_type="browser")
    own = {"cookies": [{**cookie, "value": nest.new("a cookie of a machine")}]}
    nest.world.guests.browsers[browser.machine] = browser_state.parse(own)
    beneath = f"POST /api/instances/{browser.pk}/browser"
    assert nest.send(f"{beneath}/save", {"name": "own"}).status_code == 201
    assert nest.send(f"{beneath}/load", {"browser_state_id": made.json()["id"]}).status_code == 200
    wrong = {**state, "cookies": [{**cookie, "sameSite": nest.new("a wrong word in a state")}]}
    assert nest.send("POST /api/browser-states", {"name": "wrong", "state": wrong}).status_code == 400


def _sign_in(nest: Nest) -> None:
    user = make.member(nest.site, who=make.user(is_staff=True)).user
    app = pyotp.parse_uri(second_factor.begin(user))
    codes = second_factor.confirm(user, app.now())
    nest.canaries |= {"a second factor's key": app.secret, "a recovery code": codes[0]}
    browser = Client()
    for said in (
        {"username": user.email, "password": nest.new("a wrong password")},
        {"username": "x", "password": "y"},
    ):
        nest.replies.append(browser.post("/api/login", said).content)
    browser.post("/api/login", {"username": user.email, "password": make.PASSWORD})
    nest.replies.append(browser.post("/api/second-factor", {"code": nest.new("a wrong code")}).content)


def _make_key_twice(nest: Nest) -> None:
    """A made key is in its answer, and in what is kept so that a repeated request gets the same one."""
    sent = json.dumps({"name": "k"})
    answers = [
        nest.client.generic("POST", "/api/keys", sent, "application/json", headers={"Idempotency-Key": "one-key-once"})
        for _ in range(2)
    ]
    assert answers[0].json()["api_key"] == answers[1].json()["api_key"]
    nest.canaries["a made key"] = answers[0].json()["api_key"]


def _break(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in the middle of a request that carries a secret: what is answered and logged then."""

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as broken:
        broken.setattr(services, "request_instance", fail)
        variables = {"C": nest.new("environment of a request that failed")}
        body = {"name": "d", "instance_type": "ubuntu", "environment_variables": variables}
        assert nest.send("POST /api/instances", body).status_code == 500


def _read_all(nest: Nest, instance: Any) -> None:
    """Every GET of the document, about the rows that hold canaries."""
    place = Place(nest.site)
    place.rows["instances"] = {"id": str(instance.pk)}
    for noun in ("webhooks", "browser-states"):
        place.rows[noun] = nest.client.get(f"/api/{noun}").json()["results"][0]
    for operation in OPERATIONS.values():
        if operation.method == "GET" and not operation.streams and not operation.path.endswith(("/wait", "/cdp")):
            answer = place.ask(operation, nest.client)
            nest.replies.append(b"" if answer.streaming else answer.content)


def test_a_secret_is_nowhere_but_where_it_belongs(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    lines, tasks = Lines(), []

    def note(body: Any, headers: Any, **_: Any) -> None:
        tasks.append(repr((body, headers)).encode())

    before_task_publish.connect(note)
    root = logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    try:
        nest = Nest(world)
        with receiving() as receiver:
            instance = _plant(nest, receiver.url)
            _sign_in(nest)
            _make_key_twice(nest)
            _break(nest, monkeypatch)
            nest.world.settle(instance)
            telling.run()
            sent = [heard.body + str(heard.headers).encode() for heard in receiver.heard]
        _read_all(nest, instance)
        sinks: Sinks = {
            "replies": nest.replies,
            "admin pages": admin_pages(),
            "database dump": database(),
            "redis": redis_values(settings.REDIS_URL),
            "webhook messages": sent,
            "machine specs": [repr(spec).encode() for spec in world.provider.specs.values()],
            "task arguments": tasks,
            "log lines": lines.lines,
        }
    finally:
        root.removeHandler(lines)
        root.setLevel(level)
        before_task_publish.disconnect(note)
    assert nest.planted == secret_takers(), "a field that takes a secret has no canary here"
    leaked = [
        (where, sink)
        for where, canary in nest.canaries.items()
        for sink, said in sinks.items()
        if any(form in text for form in hidden(canary) for text in said)
    ]
    assert leaked == []
    opened = unsealed()
    for column, values in opened.items():
        assert any(canary in values or coded(canary) in values for canary in nest.canaries.values()), column
    silent = [sink for sink, said in sinks.items() if not said]
    assert silent == [], "a sink that says nothing proves nothing"
    searched = ", ".join(f"{len(said)} {sink}" for sink, said in sinks.items())
    told(f"{len(nest.canaries):8,} canaries, {len(opened)} sealed columns; searched: {searched}; 0 found")


def test_the_search_would_find_one() -> None:
    dumped = yaml.safe_dump({"bytea": "\\x" + b"Canary0123456789".hex()}).encode()
    header = base64.b64encode(b"Canary0123456789")
    for said in (dumped, header, b"x=Canary0123456789;"):
        assert any(form in said for form in hidden("Canary0123456789"))
