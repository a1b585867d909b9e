"""The live view's page and what it asks of us. Its signed token is all it shows: no cookie is read here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import re_path
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from msgspec import Meta, Struct

from common.api import errors
from common.errors import Invalid, PlatformError
from instances import viewing

_TOKEN = Annotated[str, Meta(max_length=2_048)]
_VIEWER = Annotated[str, Meta(pattern="^[A-Za-z0-9-]{16,64}$")]


class _Session(Struct, frozen=True):
    token: _TOKEN
    viewer: _VIEWER


class _Steering(_Session, frozen=True):
    wish: Literal["take", "force", "release"]


@require_GET
@xframe_options_exempt
def page(request: HttpRequest) -> HttpResponse:
    """The same page for everybody: which instance it shows stands in the fragment of its address.

    It may be framed anywhere. Nobody is signed in here, so a page around it can have nothing clicked that its own
    link would not let it do.
    """
    origin = settings.GATEWAY_PUBLIC_URL
    sockets = "ws" + origin.removeprefix("http")
    response = render(request, "instances/view.html", {"socket": f"{sockets}/view/socket" if _is_elsewhere() else ""})
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "connect-src": f"'self' {sockets}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": settings.VIEW_FRAME_ANCESTORS,
    }
    response["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in policy.items())
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response


def _answering(view: Callable[[HttpRequest], dict[str, Any]]) -> Callable[[HttpRequest], HttpResponse]:
    @csrf_exempt  # nothing that a browser adds by itself is read: whoever has the token may ask
    @require_POST
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        try:
            found, status = view(request), 200
        except PlatformError as error:
            found, status = errors.body(error.message, error.code, error.details), error.status
        return JsonResponse(found, status=status, headers={"Cache-Control": "no-store"})

    return answer


@_answering
def session(request: HttpRequest) -> dict[str, Any]:
    """How the instance is, and the page's next token."""
    found = viewing.renew(_read(request, _Session).token)
    return {
        "name": found.instance.name,
        "status": found.instance.status,
        "status_reason": found.instance.status_reason,
        "token": found.token,
        "expires_at": found.expires_at,
        "mode": found.mode,
        "driver": found.driver.label if found.driver else None,
    }


@_answering
def wheel(request: HttpRequest) -> dict[str, Any]:
    """Take the wheel or give it back."""
    wished = _read(request, _Steering)
    viewing.steer(wished.token, wished.viewer, wished.wish)
    return {}


def _read(request: HttpRequest, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(request.body, type=kind)
    except msgspec.MsgspecError as error:
        raise Invalid("This is nothing a view's page says.") from error


def _is_elsewhere() -> bool:
    return bool(settings.GATEWAY_PUBLIC_URL != settings.PUBLIC_URL)


urlpatterns = [
    re_path(r"^view/?$", page, name="view-page"),
    re_path(r"^view/session/?$", session, name="view-session"),
    re_path(r"^view/wheel/?$", wheel, name="view-wheel"),
]
