"""Every door besides the document's operations: pages, the admin, sockets, streams, signed sessions, tickets.

The doors are found in the routes themselves. One that is neither in the document nor in a table here fails.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from common import tokens
from common.ids import new_id
from common.tenancy import CREW
from common.tokens import Claims
from orchestrator import routing
from sites import tickets
from sites.models import ApiKey, Membership, Site, User
from sites.roles import ALL_SCOPES
from tests import make
from tests.counts import tried
from tests.walls import callers
from tests.walls.document import OPERATIONS, Place, streamed

pytestmark = pytest.mark.django_db

PAGES = {
    "": "leads to the root of the API",
    "api/schema": "the document, for everybody",
    "api/docs": "the document, drawn",
    "api/login": "a form",
    "api/logout": "ends a session",
    "api/second-factor": "a form, for whom has shown a password",
    "api/second-factor/setup": "the same",
    "api/join": "a form, for whom has a letter",
    "api/forgot": "a form",
    "api/reset": "a form, for whom has a letter",
    "metrics": "figures of the platform, for whom has the token",
    "^view/?$": "a page that is the same for everybody",
    "^replay/?$": "the same",
    "^(api|v1)/": "nothing is there",
}
SIGNED: dict[str, dict[str, Any]] = {
    "^view/session/?$": {"viewer": "0123456789abcdef"},
    "^view/wheel/?$": {"viewer": "0123456789abcdef", "wish": "take"},
    "^replay/session/?$": {},
    "^replay/timeline/?$": {"after": 0},
    "^replay/frames/?$": {"number": 1},
}
"""Doors of a page with a signed token, and what they are asked besides."""
SOCKETS = {
    r"^ws/instances/(?P<target>[^/]+)/?$": ("instances", "instances:read"),
    r"^ws/instances/(?P<target>[^/]+)/logs/?$": ("instances", "logs:read"),
    r"^ws/sites/(?P<target>[^/]+)/?$": ("sites", "instances:read"),
    r"^ws/plans/(?P<target>[^/]+)/?$": ("plans", "plans:read"),
}
"""Each with the noun whose row it follows, and the scope that it needs."""
OF_EVERYBODY = {"/admin/login/", "/admin/logout/", "/admin/jsi18n/"}
"""Pages of the admin that show nothing of anybody's. What staff see of other sites: `test_admin_walls.py`."""
STREAMS = [one for one in OPERATIONS.values() if "text/event-stream" in one.answers]


@dataclass(frozen=True)
class Strangers:
    """A site's rows, and everybody who must not get at them: a key each, by why not."""

    ours: Place
    secrets: dict[str, str]
    foreign: str


@pytest.fixture
def strangers() -> Strangers:
    ours = Place()
    for noun in ("instances", "plans"):
        ours.row(noun)
    return Strangers(ours, callers.refused(ours.site), make.key(make.site())[1])


def _routes(patterns: Any, before: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, before + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield before + str(pattern.pattern)


def _in_document(route: str) -> str:
    return "/" + re.sub(r"<\w+:(\w+)>", lambda found: "{" + found[1].replace("pk", "id") + "}", route)


def test_every_route_is_an_operation_or_is_tried_here() -> None:
    paths = {operation.path.rstrip("/") for operation in OPERATIONS.values()}
    routes = [route for route in _routes(get_resolver().url_patterns) if not route.startswith("admin/")]
    unknown = [
        route
        for route in routes
        if _in_document(route).rstrip("/") not in paths and route not in PAGES and route not in SIGNED
    ]
    assert unknown == [], "a door that no test tries: describe it, or name it here"
    assert {*PAGES, *SIGNED} <= {*routes}


@pytest.mark.parametrize("route", PAGES)
def test_an_open_page_tells_of_nobodys_rows(strangers: Strangers, route: str) -> None:
    path = "/" + route.removeprefix("^").removesuffix("/?$").replace("(api|v1)/", "api/nothing")
    ours = strangers.ours
    for secret in ("", strangers.secrets["revoked"], strangers.foreign):
        answer = Client(raise_request_exception=False).get(path, headers=_key(secret))
        assert answer.status_code < 500, (path, secret)
        assert not any(row["id"].encode() in _content(answer) for row in ours.rows.values())
        tried("pages x principals, held")


def test_figures_are_for_whoever_has_the_token_or_the_host(strangers: Strangers, settings: Any) -> None:
    assert Client().get("/metrics", headers={"X-Forwarded-For": "198.51.100.7"}).status_code in (401, 404)
    settings.METRICS_TOKEN = "a token of the operators"
    for secret in (*strangers.secrets.values(), strangers.foreign):
        assert Client().get("/metrics", headers=_key(secret)).status_code in (401, 404)


def _key(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"} if secret else {}


def _content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def _admin_pages(site: Site) -> Iterator[str]:
    """Every page of the admin, those of a row with a row of this site's where there is one."""
    for route in _routes(get_resolver().url_patterns):
        if not route.startswith("admin/") or "^" in route or "<path:content_type_id>" in route or "(?P" in route:
            continue
        row = _admin_row(route, site)
        if "<" not in route:
            yield "/" + route
        elif row is not None:
            yield "/" + re.sub("<[^>]*name>", "start", re.sub("<(path|str|uuid):(object_)?id>", str(row), route))


def _admin_row(route: str, site: Site) -> Any:
    for model in admin.site._registry:
        if not route.startswith(f"admin/{model._meta.app_label}/{model._meta.model_name}/"):
            continue
        rows = model._base_manager.using(CREW)
        if model is Site:
            return site.pk
        if model is User:
            return Membership.everywhere.filter(site=site).values_list("user_id", flat=True).first()
        return rows.filter(site=site).values_list("pk", flat=True).first() if hasattr(model, "site_id") else None
    return None


def test_the_admin_is_for_staff(strangers: Strangers) -> None:
    member, disabled = Client(), Client()
    member.force_login(make.member(strangers.ours.site).user)
    staff = make.user(is_staff=True, is_superuser=True)
    disabled.force_login(staff)
    User.objects.using(CREW).filter(pk=staff.pk).update(is_active=False)
    by_key = {name: _key(secret) for name, secret in strangers.secrets.items()}
    asking = [(name, Client(), headers) for name, headers in by_key.items() if name in ("nobody", "revoked", "expired")]
    asking += [("of an owner", Client(), _key(make.key(strangers.ours.site)[1]))]
    asking += [("a member", member, {}), ("disabled", disabled, {})]
    let_in = []
    pages = [page for page in _admin_pages(strangers.ours.site) if page not in OF_EVERYBODY]
    for page in pages:
        for name, browser, headers in asking:
            answer = browser.get(page, headers=headers)
            to_sign_in = answer.headers.get("Location", "").startswith(("/admin/login/", settings.LOGIN_URL))
            if answer.status_code != 403 and not to_sign_in:
                let_in.append((name, page, answer.status_code))
            tried("pages of the admin x principals, held")
    assert let_in == []
    assert len(pages) > 60


def _sockets() -> list[str]:
    application: Any = routing.websocket
    while not hasattr(application, "routes"):
        application = application.inner
    return [str(route.pattern) for route in application.routes]


async def _refusal(path: str, headers: list[tuple[bytes, bytes]]) -> tuple[int, str, str]:
    """The close code, and the word and the sentence that came before it."""
    where, _, query = path.partition("?")
    scope = {"type": "websocket", "path": where, "query_string": query.encode(), "headers": headers, "subprotocols": []}
    socket = ApplicationCommunicator(routing.websocket, scope)
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output(20))["type"] == "websocket.accept"
    said = json.loads((await socket.receive_output(20))["text"])
    assert said["type"] == "error", said
    closed = await socket.receive_output(20)
    return closed["code"], said["code"], said["error"]


def _at(pattern: str, target: str, *, secret: str = "", ticket: str = "", query: str = "") -> tuple[int, str, str]:
    path = "/" + re.sub(r"\(\?P<target>[^)]*\)", target, pattern).strip("^$").removesuffix("/?")
    asked = "&".join(part for part in (f"ticket={ticket}" if ticket else "", query) if part)
    headers = [(b"x-api-key", secret.encode())] if secret else []
    return async_to_sync(_refusal)(f"{path}?{asked}", headers)


def test_every_socket_is_in_the_table() -> None:
    assert {*_sockets()} == {*SOCKETS, ""}


@pytest.mark.parametrize("pattern", SOCKETS)
def test_a_socket_is_for_whoever_may_read(strangers: Strangers, pattern: str) -> None:
    noun, scope = SOCKETS[pattern]
    ours = strangers.ours
    row, site = ours.row(noun)["id"], ours.site
    for why, secret in strangers.secrets.items():
        assert _at(pattern, row, secret=secret)[:2] == (4401, "NOT_AUTHENTICATED"), why
    alike = {_at(pattern, target, secret=strangers.foreign) for target in (row, str(new_id()))}
    assert {told[:2] for told in alike} == {(4404, "NOT_FOUND")} and len(alike) == 1
    named = {_at(pattern, row, secret=strangers.foreign, query=f"site_id={one}") for one in (site.pk, new_id())}
    assert {told[:2] for told in named} == {(4404, "NOT_FOUND")} and len(named) == 1
    narrowed = make.key(site, scopes=[other for other in ALL_SCOPES if other != scope])[1]
    assert _at(pattern, row, secret=narrowed)[:2] == (4403, "FORBIDDEN")
    tried("sockets x principals, held", len(strangers.secrets) + 6)


@pytest.mark.parametrize("pattern", SOCKETS)
def test_a_ticket_is_good_once_soon_and_for_its_own_site(strangers: Strangers, pattern: str) -> None:
    row = strangers.ours.row(SOCKETS[pattern][0])["id"]
    used, _ = tickets.issue(make.principal(strangers.ours.site))
    tickets.redeem(used)
    foreign, _ = tickets.issue(make.principal(make.site()))
    late, _ = tickets.issue(make.principal(strangers.ours.site))
    tickets._redis().pexpire(tickets._name(late), 1)
    deadline = time.monotonic() + 10
    while tickets._redis().exists(tickets._name(late)):
        assert time.monotonic() < deadline
    for ticket in (used, late, "ticket_forged"):
        assert _at(pattern, row, ticket=ticket)[:2] == (4401, "NOT_AUTHENTICATED")
    assert _at(pattern, row, ticket=foreign)[:2] == (4404, "NOT_FOUND")
    assert _at(pattern, row, ticket=foreign)[:2] == (4401, "NOT_AUTHENTICATED"), "spent by the refusal"
    tried("sockets x tickets, held", 5)


@pytest.mark.parametrize("operation", STREAMS, ids=lambda operation: operation.name)
def test_an_event_stream_is_for_whoever_may_read(strangers: Strangers, operation: Any) -> None:
    ours = strangers.ours

    def asked(secret: str, ids: dict[str, str], query: str = "") -> Any:
        path = operation.path.replace("{id}", ids.get("id", "")) + query
        client = make.client_with(secret)
        return async_to_sync(streamed)(client, "GET", path, "", "application/json", {"accept": "text/event-stream"})

    own = ours.ids(operation)
    for why, secret in strangers.secrets.items():
        answer = asked(secret, own)
        assert (answer.status_code, answer.json()["code"]) == (401, "NOT_AUTHENTICATED"), why
    if own:
        foreign, none = (asked(strangers.foreign, {"id": row}) for row in (own["id"], str(new_id())))
        assert foreign.status_code == none.status_code == 404
        assert {**foreign.json(), "request_id": ""} == {**none.json(), "request_id": ""}
    scope = operation.said["x-scope"]
    narrowed = make.key(ours.site, scopes=[other for other in ALL_SCOPES if other != scope])[1]
    assert asked(narrowed, own).status_code == 403
    spent, _ = tickets.issue(make.principal(ours.site))
    tickets.redeem(spent)
    for ticket in (spent, "ticket_forged"):
        assert asked("", own, f"?ticket={ticket}").status_code == 401
    tried("event streams x principals, held", len(strangers.secrets) + 5)


@pytest.mark.parametrize("route", SIGNED)
def test_a_pages_session_is_for_whoever_has_its_token(strangers: Strangers, route: str) -> None:
    ours, purpose = strangers.ours, route.strip("^").partition("/")[0]
    machine = f"{ours.row('instances')['id'].replace('-', '')}-1"
    subject = machine if purpose == "view" else ours.row("recordings")["id"].replace("-", "")
    key, _ = make.key(ours.site)
    good = {"site": str(ours.site.pk), "user": str(key.user_id), "key": str(key.pk)}
    elsewhere, _ = make.key(make.site())
    foreign = {"site": str(elsewhere.site_id), "user": str(elsewhere.user_id), "key": str(elsewhere.pk)}
    absent = f"{new_id().hex}-1" if purpose == "view" else new_id().hex

    def asked(token: str) -> tuple[int, str]:
        path, said = "/" + route.strip("^$").removesuffix("/?"), {"token": token, **SIGNED[route]}
        answer = Client().post(path, json.dumps(said), content_type="application/json")
        return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else ""

    def signed(secret: str = settings.GATEWAY_SECRET, **said: Any) -> str:
        until = int(time.time()) + 60
        usual = {"purpose": purpose, "subject": subject, "expires_at": until, "renew_until": until, "mode": "drive"}
        return tokens.sign(secret, Claims(**{**usual, **good, **said}))

    refused = [
        "",
        "x.y",
        signed("another secret"),
        signed(expires_at=1),
        signed(purpose="cdp"),
        signed(purpose="replay" if purpose == "view" else "view"),
        signed() + "A",
        tokens.derive(settings.GATEWAY_SECRET, purpose="guest", subject=machine),
        signed(site=foreign["site"]),
        signed(key=foreign["key"]),
        signed(user=str(new_id())),
    ]
    assert {asked(token) for token in refused} == {(401, "NOT_AUTHENTICATED")}
    assert {asked(signed(**foreign)), asked(signed(**foreign, subject=absent))} == {(404, "NOT_FOUND")}
    nothing_yet = {(404, "NOT_FOUND")} if "frames" in route else set()  # a recording that nobody makes has no parts
    assert asked(signed()) in {(200, ""), (409, "CONFLICT")} | nothing_yet, "the token itself is good"
    ApiKey.everywhere.filter(pk=key.pk).update(revoked_at=timezone.now())
    assert asked(signed()) == (401, "NOT_AUTHENTICATED")
    tried("signed sessions x principals, held", len(refused) + 3)
