"""The replay's page and what it asks of us. Its signed token is all it shows: no cookie is read here."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.urls import re_path
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_GET
from msgspec import Meta, Struct

from instances.api.pages import TOKEN, answering, page_of, read
from instances.api.recording_serializers import RecordingSerializer
from instances.recordings import replaying


class _Session(Struct, frozen=True):
    token: TOKEN


class _After(_Session, frozen=True):
    after: Annotated[int, Meta(ge=0, le=2**31 - 1)]


class _Part(_Session, frozen=True):
    number: Annotated[int, Meta(ge=1, le=2**31 - 1)]


@require_GET
@xframe_options_exempt
def page(request: HttpRequest) -> HttpResponse:
    """The same page for everybody: which recording it shows stands in the fragment of its address."""
    return page_of(request, "instances/replay.html", {})


@answering
def session(request: HttpRequest) -> dict[str, Any]:
    """How the recording stands, and the page's next token."""
    found = replaying.renew(read(request, _Session).token)
    return {"name": found.name, "recording": RecordingSerializer(found.recording).data, "token": found.token}


@answering
def timeline(request: HttpRequest) -> dict[str, Any]:
    """The parts after one, with their frames' moments and their actions."""
    asked = read(request, _After)
    return {"parts": replaying.timeline(asked.token, after=asked.after)}


@answering
def frames(request: HttpRequest) -> bytes:
    """One part's frames, one behind the other."""
    asked = read(request, _Part)
    return replaying.frames(asked.token, asked.number)


urlpatterns = [
    re_path(r"^replay/?$", page, name="replay-page"),
    re_path(r"^replay/session/?$", session, name="replay-session"),
    re_path(r"^replay/timeline/?$", timeline, name="replay-timeline"),
    re_path(r"^replay/frames/?$", frames, name="replay-frames"),
]
