"""`/v1/start`, `/v1/instance…`: the services that our own API calls, in this dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import GuestFailed, Invalid
from common.realtime.wait import wait_until
from common.tenancy import site_scope
from facades.sessions_v1 import bodies, shapes
from facades.sessions_v1.refusals import REFUSALS
from facades.views import DialectView
from instances import selectors, services, signed
from instances.models import Instance, OnTimeout, Status

NAME = "Session"
HOUR_MS = 3_600_000
LISTED_AT_MOST = 500
WAITED_S = 120.0
"""This dialect's clients expect an instance that runs, or rests, when they are answered."""


def told(operation_id: str, answer: Any, **said: Any) -> Callable[[Any], Any]:
    """`extend_schema` for an operation of this dialect."""
    responses = {200: answer}
    return extend_schema(operation_id=operation_id, tags=["sessions"], responses=responses, **{"request": None, **said})


class SessionView(DialectView):
    """One address of this dialect."""

    refusals = REFUSALS

    def read(self, pk: UUID) -> Instance:
        """The instance as it is now, one that was deleted too."""
        with site_scope(self.principal.site_id):
            return selectors.instance_of(self.principal, pk, with_deleted=True)

    def once(self, pk: UUID, *statuses: str) -> Instance:
        """The instance once it has one of `statuses`, or when the time is over. Raises GuestFailed where it failed."""

        def look() -> Instance | None:
            found = self.read(pk)
            return found if found.status in {*statuses, Status.ERROR, Status.DELETED} else None

        found = wait_until(f"instance:{pk}", look, timeout_s=WAITED_S) or self.read(pk)
        if found.status == Status.ERROR:
            raise GuestFailed(f"The instance failed: {found.status_reason}", code="INSTANCE_FAILED")
        return found


class StartView(SessionView):
    """New instances."""

    scopes = {"POST": "instances:write"}

    @told(
        "start_session",
        shapes.SessionSerializer,
        request={"application/json": {"type": "object", "additionalProperties": True}},
        examples=[OpenApiExample("A desk", {"instance_type": "ubuntu", "timeout_hours": 1.5}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Ask for an instance and wait until it runs: `ubuntu`, `browser` or `windows`."""
        wanted: bodies.Start = bodies.read(request.data, bodies.Start)
        if wanted.blocked_domains:
            raise Invalid("blocked_domains: Domains cannot be blocked for one instance here.")
        instance = services.request_instance(
            self.principal,
            name=NAME,
            instance_type=wanted.instance_type or "ubuntu",
            configuration=wanted.configuration(),
            timeout_ms=round((wanted.timeout_hours or 1) * HOUR_MS),
            on_timeout=OnTimeout.DELETE,
            idle_stop_minutes=None,
        )
        return Response(shapes.session(self.once(instance.pk, Status.RUNNING)))


class SessionsView(SessionView):
    """All instances of the site."""

    scopes = {"GET": "instances:read"}

    @told("list_sessions", shapes.SessionSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The newest five hundred, deleted ones left out."""
        with site_scope(self.principal.site_id):
            found = list(selectors.instances_of(self.principal)[:LISTED_AT_MOST])
        return Response([shapes.session(instance) for instance in found])


class OneSessionView(SessionView):
    """One instance."""

    scopes = {"GET": "instances:read"}

    @told("get_session", shapes.SessionSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """How it is; one that was stopped is still told of."""
        return Response(shapes.session(self.read(pk)))


class StopSessionView(SessionView):
    """The end of an instance."""

    scopes = {"POST": "instances:write"}

    @told("stop_session", shapes.SessionStatusSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        """Delete it, machine and disk. From any state, and twice."""
        self.principal.must("instances:write")
        if self.read(pk).status != Status.DELETED:
            services.request_deletion(self.principal, pk)
        return Response({"status": "terminated"})


class PauseSessionView(SessionView):
    """Hold an instance still."""

    scopes = {"POST": "instances:write"}

    @told("pause_session", shapes.SessionStatusSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        """Answered when it is held; where its machine cannot be, when that is stopped."""
        services.request_pause(self.principal, pk)
        held = self.once(pk, Status.PAUSED, Status.STOPPED)
        return Response({"status": shapes.session(held)["status"]})


class ResumeSessionView(SessionView):
    """Let an instance go on."""

    scopes = {"POST": "instances:write"}

    @told("resume_session", shapes.SessionSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        """Answered when it runs again."""
        services.request_resume(self.principal, pk)
        return Response(shapes.session(self.once(pk, Status.RUNNING)))


class StreamUrlView(SessionView):
    """Where an instance can be watched."""

    scopes = {"GET": "instances:read"}

    @told("get_session_stream_url", shapes.SessionStreamSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """The page of its live view, signed anew."""
        return Response({"stream_url": signed.issue_view(self.principal, pk).url})
