"""Logs over HTTP: lists, single entries, writing one or a thousand, and the live tails."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django_filters.utils import translate_validation
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import refuse_unknown
from common.errors import Invalid
from common.realtime.sse import EventStreamRenderer, sse_response
from common.realtime.stream import Stream
from instances import entries, logs, selectors, tails
from instances.api.filters import LogFilter, SiteLogFilter, TailFilter
from instances.api.serializers import LogSerializer, PlacedLogSerializer, WrittenSerializer
from instances.models import Level, Log, LogType
from instances.tails import Wanted
from sites.api.authentication import STREAM_AUTHENTICATION
from sites.api.base import SiteView
from sites.api.hot import Hot
from sites.keys import check_standing


def _one_or_many(name: str, one: Any, many: Any) -> PolymorphicProxySerializer:
    return PolymorphicProxySerializer(
        component_name=name, serializers=[one, many], resource_type_field_name=None, many=False
    )


_WRITTEN = _one_or_many("LogOrWritten", LogSerializer, WrittenSerializer)
_CHOICES: dict[str, Any] = {"many": True, "description": "Any of these; may be repeated."}
LAST_AT_MOST = 500
_tail_schema = extend_schema(
    parameters=[
        OpenApiParameter("log_type", str, enum=LogType.values, **_CHOICES),
        OpenApiParameter("level", str, enum=Level.values, **_CHOICES),
        OpenApiParameter(
            "last",
            {"type": "integer", "minimum": 0, "maximum": LAST_AT_MOST, "default": 0},
            description="Begin with so many of the newest entries that there are.",
        ),
        OpenApiParameter("last_event_id", str, description="Resume after this entry; without it, from now on."),
        OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER, description="The same, as a header."),
    ],
    responses={(200, "text/event-stream"): str},
)


class _LogsView(Hot):
    scopes = {"GET": "logs:read", "POST": "logs:write"}

    def listed(self) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([logs.as_json(log) for log in page])

    def written(self, ids: list[UUID]) -> Response:
        """As it was sent: one entry in full, or the ids of a list's."""
        if isinstance(self.request.data, list):
            return Response({"count": len(ids), "ids": ids}, status=201)
        log = Log.of(self.principal.site_id).get(pk=ids[0])
        return Response(logs.as_json(log), status=201, headers={"Location": f"/api/logs/{log.pk}"})


class LogsView(_LogsView):
    """One instance's log."""

    serializer_class = LogSerializer
    filterset_class = LogFilter
    empty_is_unsure = True

    def select(self) -> QuerySet[Log]:
        return selectors.logs_of(self.principal, self.kwargs["pk"])

    def select_by_statement(self) -> QuerySet[Log]:
        return selectors.logs_where_kept(self.principal, self.kwargs["pk"])

    @extend_schema(responses={200: LogSerializer(many=True)})
    def list(self, request: Request, pk: UUID) -> Response:
        """Newest first."""
        return self.listed()

    @extend_schema(
        request=_one_or_many("LogEntries", LogSerializer, LogSerializer(many=True)), responses={201: _WRITTEN}
    )
    def create(self, request: Request, pk: UUID) -> Response:
        """Write one entry, or a list of up to 1,000, of which all are written or none."""
        refuse_unknown(request, ())
        sent = entries.parse(request.data, entries.Entry)
        bulk = isinstance(request.data, list)
        return self.written(logs.write_entries(self.principal, pk, sent, bulk=bulk))


class SiteLogsView(_LogsView):
    """The logs of all the site's instances."""

    serializer_class = PlacedLogSerializer
    filterset_class = SiteLogFilter

    def select(self) -> QuerySet[Log]:
        return selectors.logs(self.principal)

    @extend_schema(operation_id="list_logs", responses={200: LogSerializer(many=True)})
    def list(self, request: Request) -> Response:
        """Newest first, those of deleted instances among them."""
        return self.listed()

    @extend_schema(
        request=_one_or_many("PlacedLogEntries", PlacedLogSerializer, PlacedLogSerializer(many=True)),
        responses={201: _WRITTEN},
    )
    def create(self, request: Request) -> Response:
        """Write one entry or a list of up to 1,000, each naming its instance. All are written or none."""
        refuse_unknown(request, ())
        sent = entries.parse(request.data, entries.PlacedEntry)
        bulk = isinstance(request.data, list)
        return self.written(logs.write_placed_entries(self.principal, sent, bulk=bulk))


class LogView(SiteView):
    """One entry. Entries are never changed, and go when their time is over."""

    scopes = {"GET": "logs:read"}

    @extend_schema(responses={200: LogSerializer})
    def get(self, request: Request, pk: UUID) -> Response:
        refuse_unknown(request, ())
        return Response(logs.as_json(get_object_or_404(selectors.logs(self.principal), pk=pk)))


class _TailView(SiteView):
    """Answers with an event stream, whatever `Accept` says; what is refused is JSON."""

    scopes = {"GET": "logs:read"}
    authentication_classes = STREAM_AUTHENTICATION
    renderer_classes = [EventStreamRenderer]

    def tail(self, stream: Stream) -> StreamingHttpResponse:
        return sse_response(self.request, stream, recheck=partial(check_standing, self.principal))

    def wanted(self) -> Wanted:
        refuse_unknown(self.request, {"log_type", "level", "last", "last_event_id"})
        narrowed = TailFilter(self.request.query_params, Log.everywhere.none())
        if not narrowed.is_valid():
            raise translate_validation(narrowed.errors)
        chosen = narrowed.form.cleaned_data
        return Wanted(log_types=frozenset(chosen["log_type"]), levels=frozenset(chosen["level"]))

    def last(self) -> int:
        text = self.request.query_params.get("last", "0")
        if not (text.isascii() and text.isdigit() and len(text) < 5 and int(text) <= LAST_AT_MOST):
            told = f"A whole number from 0 to {LAST_AT_MOST}."
            raise Invalid(f"last: {told}", fields={"last": [told]})
        return int(text)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type


class LogTailView(_TailView):
    """One instance's log, live."""

    @_tail_schema
    def get(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """Each new entry as an event `log`, from now on or after the one named. None is missed or comes twice."""
        return self.tail(tails.instance_tail(self.principal, pk, self.wanted(), last=self.last()))


class SiteLogTailView(_TailView):
    """The logs of all the site's instances, live."""

    @_tail_schema
    def get(self, request: Request) -> StreamingHttpResponse:
        """Each new entry as an event `log`, from now on or after the one named. None is missed or comes twice."""
        return self.tail(tails.site_tail(self.principal, self.wanted(), last=self.last()))
