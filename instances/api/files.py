"""A machine's files as plain bytes: what is too big, or no text, for an action's JSON."""

from __future__ import annotations

from typing import IO, Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import refuse_unknown
from common.api.parsers import BodyTooLarge
from common.errors import Invalid
from guest.protocol import actions
from guest.protocol.actions import BadAction, ReadFile, WriteFile
from instances import perform
from instances.api.serializers import WrittenFileSerializer
from sites.api.base import SiteView

_PATH = OpenApiParameter("path", str, required=True, description="Absolute, or from the user's home.")
_BYTES = {"application/octet-stream": OpenApiTypes.BINARY}


class BytesParser(BaseParser):
    """The body as it is, whatever it is called."""

    media_type = "*/*"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        raw = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(raw) > settings.MAX_BODY_BYTES:
            raise BodyTooLarge(max_bytes=settings.MAX_BODY_BYTES)
        return raw


class FileView(SiteView):
    """One file of the machine, by its path."""

    scopes = {"GET": "instances:act", "PUT": "instances:act"}
    scoped = False
    parser_classes = [BytesParser]
    error_statuses = (409, 429, 502, 504)

    @extend_schema(
        operation_id="get_instance_file",
        parameters=[
            _PATH,
            OpenApiParameter("offset", int, description="Where to begin. Default 0."),
            OpenApiParameter("length", int, description=f"At most, and by default, {actions.FILE_BYTES}."),
        ],
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY, "The bytes.")},
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """The file's bytes. `X-File-Size` is the whole file's size: a longer one comes in several parts."""
        refuse_unknown(request, {"path", "offset", "length"})
        wished: dict[str, Any] = {"type": "read_file", "path": request.query_params.get("path", "")}
        wished |= {name: _whole(request, name) for name in ("offset", "length") if name in request.query_params}
        done = perform.act(self.principal, pk, _action(wished))
        found = done.answer.result.file
        assert found is not None
        headers = {"X-File-Size": str(found.size), "Cache-Control": "no-store", "Content-Security-Policy": "sandbox"}
        return HttpResponse(done.answer.blob, content_type="application/octet-stream", headers=headers)

    @extend_schema(
        operation_id="update_instance_file",
        parameters=[_PATH, OpenApiParameter("append", bool, description="Add to the file's end. Default false.")],
        request=_BYTES,
        responses={200: WrittenFileSerializer},
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Write the file in one step; of one that is longer than a body may be, append the rest in parts."""
        refuse_unknown(request, {"path", "append"})
        append = request.query_params.get("append", "false")
        if append not in {"true", "false"}:
            raise Invalid("append: true or false.", fields={"append": ["true or false."]})
        content = request.data if isinstance(request.data, bytes) else b""
        action = WriteFile(path=request.query_params.get("path", ""), data=content, append=append == "true")
        _action({"type": "read_file", "path": action.path})  # the same rules for a path
        done = perform.act(self.principal, pk, action)
        return Response(msgspec.to_builtins(done.answer.result.file) | {"log_id": done.log_id})

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whoever fetches bytes may accept nothing that a renderer of ours makes."""
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type


def _action(wished: dict[str, Any]) -> ReadFile:
    try:
        action = actions.parse(wished)
    except BadAction as error:
        raise Invalid(f"Not a file to be had: {error}", code="BAD_ACTION") from error
    assert isinstance(action, ReadFile)
    return action


def _whole(request: Request, name: str) -> int:
    text = request.query_params[name]
    if not text.isascii() or not text.isdecimal() or len(text) > 16:
        raise Invalid(f"{name}: A whole number.", fields={name: ["A whole number."]})
    return int(text)
