"""Acting on a machine over HTTP: one typed action, or a picture of its screen.

Requests with a key and nothing unusual are answered before these views, by `instances.quick`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import refuse_unknown
from common.errors import Invalid
from guest.protocol import actions
from guest.protocol.actions import AnyAction, BadAction, Batch, Screenshot
from instances import batches, perform
from instances.api.answers import as_json, batch_as_json
from instances.api.examples import ACTIONS, BATCH, DONE
from instances.api.serializers import BatchDoneSerializer, DoneSerializer
from sites.api.base import SiteView

ACTION_SCHEMA = {"application/json": {"$ref": "#/components/schemas/ActionOrBatch"}}


class ActionView(SiteView):
    """Do one action, or several in turn."""

    scopes = {"POST": "instances:act"}
    scoped = False
    error_statuses = (409, 429, 502, 504)

    @extend_schema(
        request=ACTION_SCHEMA,
        responses={200: PolymorphicProxySerializer("ActionOrBatchDone", [DoneSerializer, BatchDoneSerializer], None)},
        examples=[*ACTIONS, BATCH, DONE],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """One action; or `actions`, a list of up to 100, of which each that is begun has its result, and its log row.

        `stop_on_failure` (true) begins no more once one has failed; `screenshot` is the picture to take at the end. A
        bare list is such a request without either.
        """
        refuse_unknown(request, ())
        if isinstance(request.data, list) or (isinstance(request.data, dict) and "actions" in request.data):
            return self._several(pk, _batch(request.data))
        action = _parsed(request.data)
        return Response(as_json(action, perform.act(self.principal, pk, action)))

    def _several(self, pk: UUID, batch: Batch) -> Response:
        wanted = list(batch.actions)
        done = batches.act_all(
            self.principal, pk, wanted, stop_on_failure=batch.stop_on_failure, picture=batch.screenshot
        )
        return Response(batch_as_json(wanted, done, batch.screenshot))


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


def _batch(value: Any) -> Batch:
    try:
        return actions.parse_batch({"actions": value} if isinstance(value, list) else value)
    except BadAction as error:
        raise Invalid(f"Not a list of actions: {error}", code="BAD_ACTION") from error


def _parsed(value: Any) -> AnyAction:
    try:
        return actions.parse(value)
    except BadAction as error:
        raise Invalid(f"Not an action: {error}", code="BAD_ACTION") from error


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise Invalid("quality: A whole number from 1 to 100.", fields={"quality": ["A whole number from 1 to 100."]})
    return int(text)
