"""The live view's page and what it asks of us. Its signed token is all it shows: no cookie is read here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import re_path
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_GET
from msgspec import Meta, Struct

from instances import viewing
from instances.api.pages import TOKEN, answering, page_of, read

_VIEWER = Annotated[str, Meta(pattern="^[A-Za-z0-9-]{16,64}$")]


class _Session(Struct, frozen=True):
    token: TOKEN
    viewer: _VIEWER


class _Steering(_Session, frozen=True):
    wish: Literal["take", "force", "release"]


@require_GET
@xframe_options_exempt
def page(request: HttpRequest) -> HttpResponse:
    """The same page for everybody: which instance it shows stands in the fragment of its address."""
    sockets = "ws" + settings.GATEWAY_PUBLIC_URL.removeprefix("http")
    socket = f"{sockets}/view/socket" if _is_elsewhere() else ""
    return page_of(request, "instances/view.html", {"socket": socket}, connects_to=f"'self' {sockets}")


@answering
def session(request: HttpRequest) -> dict[str, Any]:
    """How the instance is, and the page's next token."""
    found = viewing.renew(read(request, _Session).token)
    return {
        "name": found.instance.name,
        "status": found.instance.status,
        "status_reason": found.instance.status_reason,
        "token": found.token,
        "expires_at": found.expires_at,
        "mode": found.mode,
        "driver": found.driver.label if found.driver else None,
    }


@answering
def wheel(request: HttpRequest) -> dict[str, Any]:
    """Take the wheel or give it back."""
    wished = read(request, _Steering)
    viewing.steer(wished.token, wished.viewer, wished.wish)
    return {}


def _is_elsewhere() -> bool:
    return bool(settings.GATEWAY_PUBLIC_URL != settings.PUBLIC_URL)


urlpatterns = [
    re_path(r"^view/?$", page, name="view-page"),
    re_path(r"^view/session/?$", session, name="view-session"),
    re_path(r"^view/wheel/?$", wheel, name="view-wheel"),
]
