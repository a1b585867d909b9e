"""Recordings over HTTP: begun, ended, read and deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import DestroyModelMixin, ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import Invalid
from instances.api.filters import RecordingFilter, SiteRecordingFilter
from instances.api.recording_serializers import NewRecordingSerializer, RecordingSerializer
from instances.models import Recording
from instances.recordings import services
from sites.api.base import Shows, SiteView

NEW_RECORDING = OpenApiExample(
    "Ten minutes, often", {"max_fps": 5, "quality": 70, "max_minutes": 10}, request_only=True
)
_SCOPES: dict[str, str | None] = {
    "GET": "recordings:read",
    "POST": "recordings:write",
    "DELETE": "recordings:write",
}
_ORDERED_BY = ["created_at", "started_at", "ended_at", "bytes"]


class RecordingViewSet(ListModelMixin, DestroyModelMixin, Shows):
    """The recordings of a site, also those of instances that are gone."""

    scopes = _SCOPES
    serializer_class = RecordingSerializer
    filterset_class = SiteRecordingFilter
    search_fields = ["reason"]
    ordering_fields = _ORDERED_BY

    def select(self) -> QuerySet[Recording]:
        return services.recordings_of(self.principal)

    def perform_destroy(self, row: Recording) -> None:
        """Its pictures and actions go with it, within a minute; one under way is ended."""
        services.delete_recording(self.principal, row.pk)


class InstanceRecordingsView(SiteView, GenericAPIView):
    """The recordings of one instance."""

    scopes = _SCOPES
    serializer_class = RecordingSerializer
    filterset_class = RecordingFilter
    search_fields = ["reason"]
    ordering_fields = _ORDERED_BY
    queryset = Recording.everywhere.none()

    def get_serializer_class(self) -> type[Any]:
        """What a form of the browsable API is made from."""
        return NewRecordingSerializer if self.request.method == "POST" else RecordingSerializer

    @extend_schema(responses={200: RecordingSerializer(many=True)})
    def get(self, request: Request, pk: UUID) -> Response:
        """Newest first. They stay when the instance is deleted, until they are deleted themselves or expire."""
        rows = self.filter_queryset(services.recordings_of(self.principal, instance_id=pk))
        return self.get_paginated_response(RecordingSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(
        operation_id="create_instance_recording",
        request=NewRecordingSerializer,
        responses={201: RecordingSerializer},
        examples=[NEW_RECORDING],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Begin one: now where the instance runs, else when it does. 409 while another is under way."""
        body = NewRecordingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        row = services.request_recording(self.principal, pk, **body.validated_data)
        headers = {"Location": f"/api/recordings/{row.pk}"}
        return Response(RecordingSerializer(row).data, status=201, headers=headers)


class StopRecordingView(SiteView):
    """End a recording."""

    scopes = _SCOPES

    @extend_schema(operation_id="stop_recording", request=None, responses={202: RecordingSerializer})
    def post(self, request: Request, pk: UUID) -> Response:
        """It is `finished` within a second or two, with all that was done until now. Twice is success."""
        if request.data:
            raise Invalid("This takes no body.")
        return Response(RecordingSerializer(services.request_end(self.principal, pk)).data, status=202)
