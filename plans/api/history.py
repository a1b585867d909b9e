"""What happened to a plan: a list of its events, or live."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request

from common.api.filters import known_to, refuse_unknown
from common.api.renderers import BrowsableAPIRenderer, JSONRenderer
from common.errors import Invalid
from common.realtime.sse import EventStreamRenderer, sse_response, wants_events
from plans import selectors, streams
from plans.api.serializers import PlanEventSerializer
from plans.models import PlanEvent
from sites.api.authentication import STREAM_AUTHENTICATION
from sites.api.base import SiteView
from sites.keys import check_standing


class PlanEventsView(SiteView, GenericAPIView):
    """A plan's history: a list, or with `Accept: text/event-stream` the whole of it and then what comes."""

    scopes = {"GET": "plans:read"}
    serializer_class = PlanEventSerializer
    authentication_classes = STREAM_AUTHENTICATION
    renderer_classes = [JSONRenderer, EventStreamRenderer, BrowsableAPIRenderer]
    filter_backends: list[Any] = []
    query_parameters = frozenset({"after"})
    queryset = PlanEvent.everywhere.none()

    @extend_schema(
        parameters=[
            OpenApiParameter("after", int, description="Only events with a greater number."),
            OpenApiParameter("last_event_id", str, description="For streams: resume after this event."),
            OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER, description="The same, as a header."),
        ],
        responses={(200, "application/json"): PlanEventSerializer(many=True), (200, "text/event-stream"): str},
    )
    def get(self, request: Request, pk: UUID) -> Any:
        if wants_events(request):
            refuse_unknown(request, {"last_event_id"})
            stream = streams.plan_stream(self.principal, pk)
            return sse_response(request, stream, recheck=partial(check_standing, self.principal))
        refuse_unknown(request, known_to(self))
        rows = selectors.events_of(self.principal, pk).filter(number__gt=_after(request))
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(PlanEventSerializer(page, many=True).data)


def _after(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise Invalid("after: A whole number.", fields={"after": ["A whole number."]})
    return int(text)
