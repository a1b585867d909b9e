"""`/api/audit`: who did what to which row, as a list and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request

from common.api.filters import StrictFilterBackend
from common.api.renderers import dumps
from common.errors import Invalid
from common.tenancy import site_scope
from sites import audit, selectors
from sites.api.base import SiteOwnedViewSet
from sites.api.filters import AuditFilter
from sites.api.serializers import AuditSerializer
from sites.models import AuditEntry

BATCH = 1000
_LINE = '{"action": "key.created", "target_type": "apikey", "address": "192.0.2.7", …}\n'
_ROW = "created_at,action,target_type,target_id,…\n2026-05-04T09:30:00.000000Z,key.created,apikey,019b1c2d-…\n"


class AuditViewSet(ListModelMixin, SiteOwnedViewSet):
    """Who did what to which row, and from where; the newest first. Nobody can change or delete an entry."""

    serializer_class = AuditSerializer
    filterset_class = AuditFilter
    search_fields = ["action", "target_name"]
    scopes = {"GET": "audit:read"}

    def select(self) -> QuerySet[AuditEntry]:
        return selectors.audit_entries(self.principal)


class AuditExportView(SiteOwnedViewSet):
    """The same entries as one file, however many they are."""

    scoped = False
    serializer_class = AuditSerializer
    filterset_class = AuditFilter
    filter_backends = [StrictFilterBackend]
    pagination_class = None
    scopes = {"GET": "audit:read"}

    def select(self) -> QuerySet[AuditEntry]:
        return selectors.audit_entries(self.principal)

    @extend_schema(
        operation_id="get_audit_export",
        parameters=[OpenApiParameter("format", str, enum=["ndjson", "csv"], default="ndjson")],
        responses={
            (200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.STR, "A JSON object a line."),
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "A heading, and a row for each entry."),
        },
        examples=[
            OpenApiExample("NDJSON", _LINE, response_only=True, media_type="application/x-ndjson"),
            OpenApiExample("CSV", _ROW, response_only=True, media_type="text/csv"),
        ],
    )
    def export(self, request: Request) -> StreamingHttpResponse:
        """Takes the filters of the list. It is written while it is read, so nothing waits for all of it."""
        wanted = request.query_params.get("format", "ndjson")
        if wanted not in _WRITERS:
            raise Invalid("format: One of: ndjson, csv.", fields={"format": ["One of: ndjson, csv."]})
        content_type, write = _WRITERS[wanted]
        with site_scope(self.principal.site_id):
            rows = self.filter_queryset(self.select())
            audit.record(self.principal, "audit.exported", format=wanted)
        headers = {"Content-Disposition": f'attachment; filename="audit.{wanted}"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(write(self._entries(rows)), content_type=content_type, headers=headers)

    def _entries(self, rows: QuerySet[AuditEntry]) -> Iterator[dict[str, Any]]:
        """In batches, each in a transaction of its own: no client holds one open by reading slowly."""
        batch: list[AuditEntry] = []
        while not batch or len(batch) == BATCH:
            with site_scope(self.principal.site_id):
                batch = list((rows.filter(id__lt=batch[-1].pk) if batch else rows)[:BATCH])
            yield from (dict(shown) for shown in AuditSerializer(batch, many=True).data)
            if not batch:
                return

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """`?format=` names the file's format here, not a renderer."""
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type


def _as_ndjson(entries: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    for entry in entries:
        yield dumps(entry) + b"\n"


def _as_csv(entries: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    names = list(AuditSerializer.Meta.fields)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(names)
    for entry in entries:
        writer.writerow([_cell(entry[name]) for name in names])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def _cell(value: Any) -> str:
    """A cell as text. What a spreadsheet would run as a formula gets an apostrophe in front."""
    text = "" if value is None else dumps(value).decode() if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


_WRITERS: dict[str, tuple[str, Callable[[Iterator[dict[str, Any]]], Iterator[bytes]]]] = {
    "ndjson": ("application/x-ndjson", _as_ndjson),
    "csv": ("text/csv; charset=utf-8", _as_csv),
}
