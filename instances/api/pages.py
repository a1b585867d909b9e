"""What pages of ours share that are opened by a signed link: their headers, and how they ask and are answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from msgspec import Meta, Struct

from common.api import errors
from common.api.parsers import loads
from common.errors import Invalid, PlatformError

TOKEN = Annotated[str, Meta(max_length=2_048)]
Said = TypeVar("Said", bound=Struct)


def page_of(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, connects_to: str = "'self'"
) -> HttpResponse:
    """A page that asks nobody but us, and that may be framed anywhere.

    Nobody is signed in there, so a page around it can have nothing clicked that its own link would not let it do.
    """
    response = render(request, template, dict(context))
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "connect-src": connects_to,
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": settings.VIEW_FRAME_ANCESTORS,
    }
    response["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in policy.items())
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response


def answering(view: Callable[[HttpRequest], dict[str, Any] | bytes]) -> Callable[[HttpRequest], HttpResponseBase]:
    """A view of POST that a page asks: its answer as JSON or as bytes, its refusals in our shape."""

    @csrf_exempt  # nothing that a browser adds by itself is read: whoever has the token may ask
    @require_POST
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponseBase:
        headers = {"Cache-Control": "no-store"}
        try:
            found = view(request)
        except PlatformError as error:
            said = errors.body(error.message, error.code, error.details)
            return JsonResponse(said, status=error.status, headers=headers)
        if isinstance(found, bytes):
            return HttpResponse(found, content_type="application/octet-stream", headers=headers)
        return JsonResponse(found, headers=headers)

    return answer


def read(request: HttpRequest, kind: type[Said]) -> Said:
    """What the page said.

    Raises:
        Invalid: it is nothing that our pages say.
    """
    try:
        return msgspec.convert(loads(request.body), kind)
    except msgspec.MsgspecError as error:
        raise Invalid("This is nothing that this page says.") from error
