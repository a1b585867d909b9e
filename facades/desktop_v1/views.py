"""`/v1/desktop…`: the services that our own API calls, in this dialect."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import GuestFailed
from common.tenancy import site_scope
from facades.desktop_v1 import actions, shapes
from facades.desktop_v1.refusals import REFUSALS
from facades.views import DialectView
from guest.protocol.actions import Bash
from instances import perform, selectors, services, signed
from instances.models import Instance, OnTimeout, Status

NAME = "Desktop"


def _sent(schema: str) -> dict[str, Any]:
    return {"application/json": {"$ref": f"#/components/schemas/{schema}"}}


def _example(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True)


_ACTIONS = [
    _example("Click", {"type": "click_mouse", "x": 500, "y": 300}),
    _example("A shortcut", {"type": "press_keys", "keys": ["Control", "c"]}),
    _example("A picture", {"type": "screenshot"}),
]


class _DesktopView(DialectView):
    refusals = REFUSALS


class DesktopsView(_DesktopView):
    """New desktops."""

    scopes = {"POST": "instances:write"}

    @extend_schema(
        operation_id="create_desktop",
        tags=["desktop"],
        request=_sent("DesktopNewDesktop"),
        responses={200: shapes.NewDesktopSerializer},
        examples=[_example("An hour", {"timeout_ms": 3_600_000})],
    )
    def post(self, request: Request) -> Response:
        """Ask for a Linux desktop with a browser on its screen. It is `pending` at once; ask until it is `running`."""
        wanted = actions.read(request.data, actions.NewDesktop)
        instance = services.request_instance(
            self.principal,
            name=NAME,
            instance_type=settings.DESKTOP_V1_TYPE,
            timeout_ms=wanted.timeout_ms or shapes.DEFAULT_TIMEOUT_MS,
            on_timeout=OnTimeout.DELETE,
            idle_stop_minutes=None,
        )
        return Response(shapes.new_desktop(instance))


class DesktopView(_DesktopView):
    """One desktop."""

    scopes = {"GET": "instances:read"}

    @extend_schema(operation_id="get_desktop", tags=["desktop"], responses={200: shapes.DesktopSerializer})
    def get(self, request: Request, pk: UUID) -> Response:
        """How it is, when it ends, and where it can be watched. One that was stopped is still told of."""
        with site_scope(self.principal.site_id):
            instance = selectors.instance_of(self.principal, pk, with_deleted=True)
        seen = signed.issue_view(self.principal, pk).url if instance.status == Status.RUNNING else None
        return Response(shapes.desktop(instance, stream_url=seen))


class StopDesktopView(_DesktopView):
    """The end of a desktop."""

    scopes = {"POST": "instances:write"}

    @extend_schema(
        operation_id="stop_desktop", tags=["desktop"], request=None, responses={200: shapes.DesktopStatusSerializer}
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Destroy the machine and its disk. From any state, and twice."""
        with site_scope(self.principal.site_id):
            self.principal.must("instances:write")
            if _standing(selectors.instance_of(self.principal, pk, with_deleted=True)):
                services.request_deletion(self.principal, pk)
        return Response({"status": "terminated"})


class ComputerActionView(_DesktopView):
    """Mouse, keyboard and screen."""

    scopes = {"POST": "instances:act"}

    @extend_schema(
        operation_id="act_on_desktop",
        tags=["desktop"],
        request=_sent("DesktopAction"),
        responses={200: shapes.ActionDoneSerializer},
        examples=_ACTIONS,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Click, scroll, move, drag, type, press, wait, or look."""
        wanted: actions.AnyComputerAction = actions.read(request.data, actions.AnyComputerAction)  # type: ignore[arg-type]
        action = actions.in_ours(wanted)
        if action is None:
            perform.must_run(self.principal, pk)
            return Response(shapes.action_done(None))
        return Response(shapes.action_done(perform.act(self.principal, pk, action).answer))


class BashActionView(_DesktopView):
    """Commands."""

    scopes = {"POST": "instances:act"}

    @extend_schema(
        operation_id="run_on_desktop",
        tags=["desktop"],
        request=_sent("DesktopBashAction"),
        responses={200: shapes.CommandDoneSerializer},
        examples=[_example("A command", {"command": "echo 'Hello, World!'"})],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Run a command in bash, for ten minutes at most, and answer with what it wrote."""
        command = actions.read(request.data, actions.BashAction).command
        done = perform.act(self.principal, pk, Bash(command=command, timeout_s=actions.BASH_WITHIN_S))
        if done.answer.result.shell is None:
            raise GuestFailed("The machine does not say what came of it.")
        return Response(shapes.command_done(done.answer.result.shell))


def _standing(instance: Instance) -> bool:
    return instance.status != Status.DELETED
