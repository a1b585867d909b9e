"""Who is at the door of REST: a key in a header, a member's session, or a stream's ticket. `request.auth` is always the
Principal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.request import Request

from common.errors import Invalid, NotFound, NotSignedIn
from common.realtime.sse import EventStreamRenderer, wants_events
from sites.doorkeeper import redeemed
from sites.keys import find_principal, principal_of_session
from sites.principal import Principal


class KeyAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer KEY`, `Authorization: KEY` or `x-api-key: KEY`; `request.user` is the Principal, too."""

    def authenticate(self, request: Request) -> tuple[Principal, Principal] | None:
        secret = key_in(request)
        if secret is None:
            return None
        principal = _of_the_site_named(request, find_principal(secret))
        return principal, principal

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class MemberSessionAuthentication(authentication.SessionAuthentication):
    """A signed-in member, with Django's CSRF check. Members of several sites name one: `X-Site` or `site_id`."""

    def authenticate(self, request: Request) -> tuple[Any, Principal | None] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        context: Mapping[str, Any] = request.parser_context or {}
        view = context.get("view")
        wanted = wanted_site(request)
        if wanted is None and getattr(view, "site_optional", False):
            return user, None
        if wanted is None and getattr(view, "site_in_path", False):
            wanted = context["kwargs"].get("pk")
        return user, principal_of_session(user, wanted)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class TicketAuthentication(authentication.BaseAuthentication):
    """`?ticket=…` of an event stream, good once: a browser's EventSource cannot send a key. It opens nothing else."""

    def authenticate(self, request: Request) -> tuple[Principal, Principal] | None:
        ticket = request.query_params.get("ticket")
        streams = wants_events(request) or isinstance(request.accepted_renderer, EventStreamRenderer)
        if not ticket or not streams or request.method != "GET":
            return None
        principal = _of_the_site_named(request, redeemed(ticket))
        return principal, principal

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


STREAM_AUTHENTICATION = (KeyAuthentication, MemberSessionAuthentication, TicketAuthentication)
"""Of views that answer with event streams."""


def _of_the_site_named(request: Request, principal: Principal) -> Principal:
    """The principal, who belongs to one site. Raises `NotFound` where the request names another."""
    wanted = wanted_site(request)
    if wanted is not None and wanted != principal.site_id:
        raise NotFound()
    return principal


def principal_of(request: Request) -> Principal:
    """The caller.

    Raises:
        NotSignedIn: nobody has shown who they are.
    """
    if not isinstance(request.auth, Principal):
        raise NotSignedIn()
    return request.auth


def key_in(request: Request | HttpRequest) -> str | None:
    """The API key that the request shows, or None when it shows none."""
    header = request.headers.get("authorization", "").strip()
    if header:
        kind, _, rest = header.partition(" ")
        return rest.strip() if kind.lower() == "bearer" else header
    return request.headers.get("x-api-key")


def wanted_site(request: Request) -> UUID | None:
    """The site that the request names: in `X-Site`, or as `site_id` in its query or body.

    Raises:
        Invalid: what it names is no UUID.
    """
    named: Any = request.headers.get("x-site") or request.query_params.get("site_id")
    if not named and isinstance(request.data, dict):
        named = request.data.get("site_id")
    if not named:
        return None
    try:
        return UUID(str(named))
    except ValueError as error:
        raise Invalid("site_id: Must be a valid UUID.", fields={"site_id": ["Must be a valid UUID."]}) from error


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "sites.api.authentication.KeyAuthentication"
    name = ["bearer", "x-api-key"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]  # either of them

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer KEY`."},
            {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key."},
        ]


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "sites.api.authentication.MemberSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "Signed in at /api/login. Changes need X-CSRFToken; several sites: name one in X-Site.",
        }


class TicketScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "sites.api.authentication.TicketAuthentication"
    name = "ticket"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "query",
            "name": "ticket",
            "description": "For event streams: what `POST /api/tickets` gave, once within 30 seconds.",
        }
