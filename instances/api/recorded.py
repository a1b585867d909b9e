"""What a recording holds, over HTTP: a link to its replay, and its files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import refuse_unknown
from common.errors import TooMany
from instances.api.recording_serializers import RecordingSerializer
from instances.models import Recording
from instances.recordings import archive, replaying, services
from instances.recordings.video import Video
from sites import audit
from sites.api.base import SiteView

ZIPS_AT_ONCE = 4
"""Of one process: each holds a thread of it for as long as its client reads."""
_slots = threading.BoundedSemaphore(ZIPS_AT_ONCE)
_SCOPES: dict[str, str | None] = {"GET": "recordings:read"}
_ADDRESS = OpenApiExample(
    "A link",
    {"url": "https://desks.example.org/replay#eyJwdXJwb3Nl….Zm9y", "expires_at": "2026-01-05T09:10:00Z"},
    response_only=True,
)


class ReplaySerializer(serializers.Serializer):
    """A link to the replay. Its token stands in the fragment, so no server's log has it; keep it all the same."""

    url = serializers.CharField()
    expires_at = serializers.DateTimeField(help_text="Open it until then. An open page goes on for up to 12 hours.")


class ReplayView(SiteView):
    """A page that shows a recording to people, with a timeline of what was done."""

    scopes = _SCOPES
    scoped = False

    @extend_schema(operation_id="get_recording_replay", responses={200: ReplaySerializer}, examples=[_ADDRESS])
    def get(self, request: Request, pk: UUID) -> Response:
        """A fresh signed link, good for opening it within ten minutes; also of a recording that is under way."""
        refuse_unknown(request, ())
        return Response(ReplaySerializer(asdict(replaying.issue_replay(self.principal, pk))).data)


class _FileView(SiteView):
    scopes = _SCOPES
    scoped = False

    def file(self, request: Request, pk: UUID, kind: str) -> Recording:
        """The recording, whose taking along is written down."""
        refuse_unknown(request, ())
        row = services.recording_of(self.principal, pk)
        audit.record(self.principal, "recording.downloaded", row, instance_id=str(row.instance_id), kind=kind)
        return row

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whoever fetches bytes may accept nothing that a renderer of ours makes."""
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type


class ZipView(_FileView):
    """A recording as a zip."""

    error_statuses = (429,)

    @extend_schema(
        operation_id="get_recording_zip",
        responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, "The zip.")},
    )
    def get(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """`manifest.json` with each frame's moment, `frames/` of JPEGs, `actions.jsonl`: what is stored by now."""
        row = self.file(request, pk, "zip")
        return _download(_Zip(row), f"recording-{row.pk}.zip", "application/zip")


class VideoView(_FileView):
    """A recording as a video."""

    error_statuses = (409, 429, 501)

    @extend_schema(
        operation_id="get_recording_video",
        responses={(200, "video/mp4"): OpenApiResponse(OpenApiTypes.BINARY, "The video.")},
    )
    def get(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """An MP4 (H.264) in the recording's own time, encoded while it is read. 501 where there is no ffmpeg."""
        row = self.file(request, pk, "video")
        return _download(Video(row), f"recording-{row.pk}.mp4", "video/mp4")


class _Zip:
    """The pieces of a zip, in one of few slots. To be closed, whether or not it was read."""

    def __init__(self, row: Recording) -> None:
        if not _slots.acquire(blocking=False):
            raise TooMany("Enough recordings are being fetched just now.", retry_after_s=10.0)
        self._pieces = archive.zipped(row, RecordingSerializer(row).data)
        self._closed = threading.Lock()

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        if self._closed.acquire(blocking=False):
            self._pieces.close()
            _slots.release()


def _download(pieces: _Zip | Video, name: str, content_type: str) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(pieces, content_type=content_type, headers=headers)
