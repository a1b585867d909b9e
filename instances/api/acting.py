"""Acting on a machine over HTTP: one typed action, or a picture of its screen."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import refuse_unknown
from common.errors import Invalid
from guest.protocol import actions
from guest.protocol.actions import AnyAction, BadAction, Screenshot
from instances import perform
from instances.api.examples import ACTIONS, DONE
from instances.api.serializers import DoneSerializer
from sites.api.base import SiteView

ACTION_SCHEMA = {"application/json": {"$ref": "#/components/schemas/Action"}}


class ActionView(SiteView):
    """Do one action: click, move, drag, scroll, type, press, cursor_position, wait, screenshot or bash."""

    scopes = {"POST": "instances:act"}
    scoped = False
    error_statuses = (409, 429, 502, 504)

    @extend_schema(request=ACTION_SCHEMA, responses={200: DoneSerializer}, examples=[*ACTIONS, DONE])
    def post(self, request: Request, pk: UUID) -> Response:
        refuse_unknown(request, ())
        action = _parsed(request.data)
        return Response(_as_json(action, perform.act(self.principal, pk, action)))


class ScreenshotView(SiteView):
    """The screen, as the bytes of a picture."""

    scopes = {"GET": "instances:act"}
    scoped = False
    error_statuses = (409, 429, 502, 504)

    @extend_schema(
        parameters=[
            OpenApiParameter("format", str, enum=["png", "jpeg"], default="png"),
            OpenApiParameter("quality", int, description="Of a JPEG: 1 to 100. Default 80."),
        ],
        responses={
            (200, "image/png"): OpenApiResponse(OpenApiTypes.BINARY, "The picture."),
            (200, "image/jpeg"): OpenApiResponse(OpenApiTypes.BINARY, "The picture."),
        },
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        refuse_unknown(request, {"quality"})
        wished: dict[str, Any] = {"type": "screenshot", "format": request.query_params.get("format", "png")}
        if "quality" in request.query_params:
            wished["quality"] = _whole(request.query_params["quality"])
        action = _parsed(wished)
        assert isinstance(action, Screenshot)
        done = perform.act(self.principal, pk, action)
        return HttpResponse(
            done.answer.blob, content_type=f"image/{action.format}", headers={"Cache-Control": "no-store"}
        )

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """`?format=` names the picture's format here, not a renderer; and a client may accept pictures only."""
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type


def _parsed(value: Any) -> AnyAction:
    try:
        return actions.parse(value)
    except BadAction as error:
        raise Invalid(f"Not an action: {error}", code="BAD_ACTION") from error


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise Invalid("quality: A whole number from 1 to 100.", fields={"quality": ["A whole number from 1 to 100."]})
    return int(text)


def _as_json(action: AnyAction, done: perform.Done) -> dict[str, Any]:
    answer = done.answer
    result = msgspec.to_builtins(answer.result)
    image = result.get("image")
    return {
        "type": actions.to_builtins(action)["type"],
        "log_id": done.log_id,
        "duration_ms": round(answer.took_ms, 3),
        "cursor": result.get("cursor"),
        "image": image and {**image, "base64": base64.b64encode(answer.blob).decode()},
        "shell": result.get("shell"),
    }
