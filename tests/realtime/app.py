"""A small site behind the real front door: numbered rows in SQLite, streamed by SSE and WebSocket, and some probes."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

from channels.routing import URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIRequest
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.errors import Invalid, NotFound, NotSignedIn
from common.ids import uuid7
from common.realtime import hub
from common.realtime.consumer import StreamConsumer
from common.realtime.credentials import Credentials
from common.realtime.publish import nudge
from common.realtime.sse import EventStreamRenderer, sse_response, wants_events
from common.realtime.stream import Item, Stream
from common.realtime.wait import wait_until
from orchestrator.bridge import Bridge
from orchestrator.frontdoor import FrontDoor
from sites import tickets
from sites.principal import Principal

KNOWN = UUID("11111111-1111-7111-8111-111111111111")
GOOD_KEY = "good"
CHANNEL = "rows"


def fetch(after: str | None) -> list[Item]:
    if after is not None and not after.isdecimal():
        raise Invalid("The cursor is a number.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, body FROM rows WHERE id > %s ORDER BY id LIMIT 50", [int(after or 0)])
        return [Item(str(number), {"number": number, "body": body}) for number, body in cursor.fetchall()]


def stream(principal: Any = None, target: UUID = KNOWN) -> Stream:
    if target != KNOWN:
        raise NotFound
    return Stream((CHANNEL,), "row", fetch, batch_size=50, share="rows")


class Rows(APIView):
    renderer_classes = [JSONRenderer, EventStreamRenderer]

    def get(self, request: Request) -> Any:
        if wants_events(request):
            return sse_response(request, stream())
        return Response([item.data for item in fetch(None)])

    def post(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO rows (body) VALUES (%s) RETURNING id", [request.data["body"]])
            (number,) = cursor.fetchone()
        nudge(CHANNEL)
        return Response({"number": number}, status=201)


class Wait(APIView):
    def get(self, request: Request) -> Response:
        wanted = request.query_params["number"]
        found = wait_until(CHANNEL, lambda: fetch(str(int(wanted) - 1)) or None, timeout_s=10)
        return Response({"found": found is not None, "by": _server(request)})


@csrf_exempt
def echo(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"length": len(request.body), "by": _server(request), "path": request.path})


def probe(request: HttpRequest) -> JsonResponse:
    """What this process holds: the channels it listens on and the threads it has."""
    return JsonResponse(
        {
            "channels": sorted(channel for one in hub._hubs.values() for channel in one.channels),
            "threads": threading.active_count(),
        }
    )


@csrf_exempt
def ticket(request: HttpRequest) -> JsonResponse:
    principal = Principal(uuid7(), uuid7(), "owner", frozenset(), "key")
    return JsonResponse({"ticket": tickets.issue(principal)[0]})


class Doorkeeper:
    def admit(self, credentials: Credentials) -> str:
        if credentials.ticket is not None:
            tickets.redeem(credentials.ticket)
            return "by ticket"
        if credentials.key == GOOD_KEY:
            return "by key"
        raise NotSignedIn

    def recheck(self, principal: Any) -> None:
        """Nobody is revoked here."""


def _server(request: Any) -> str:
    is_asgi = isinstance(getattr(request, "_request", request), ASGIRequest)
    return "asgi" if is_asgi else threading.current_thread().name.partition("_")[0]


urlpatterns = [
    path("rows", Rows.as_view()),
    path("rows/wait", Wait.as_view()),
    path("things/1/actions", echo),
    path("echo", echo),
    path("probe", probe),
    path("ticket", ticket),
]

application = FrontDoor(
    wsgi=Bridge(get_wsgi_application(), workers=8),
    patient=Bridge(get_wsgi_application(), workers=8, name="patient"),
    asgi=get_asgi_application(),
    websocket=URLRouter(
        [re_path(r"^ws/(?P<target>[^/]+)$", StreamConsumer.as_asgi(doorkeeper=Doorkeeper(), open_stream=stream))]
    ),
    max_body_bytes=settings.MAX_BODY_BYTES,
)
