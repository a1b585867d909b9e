"""Schedules over HTTP: written, changed, paused, run now, and the history of what they did."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import DestroyModelMixin, ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.serializers import StrictModelSerializer
from common.errors import Invalid
from instances import schedules
from instances.api.examples import CHANGED_SCHEDULE, SCHEDULE
from instances.api.fields import TimeLimitFields
from instances.api.filters import OccurrenceFilter, ScheduleFilter
from instances.models import Occurrence, Schedule, ScheduleAction
from instances.specs import INTERVALS_S
from sites.api.base import Changes, Shows, SiteView


class ScheduleSerializer(StrictModelSerializer):
    """A schedule, and when it is due next."""

    template_id = serializers.UUIDField(read_only=True)
    user_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = Schedule
        fields = (
            "id",
            "name",
            "template_id",
            "template_version",
            "action",
            "count",
            "timeout_ms",
            "cron",
            "interval_s",
            "time_zone",
            "user_id",
            "paused",
            "next_at",
            "last_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class OccurrenceSerializer(StrictModelSerializer):
    """One time that it was due: which instances it concerned, and what went wrong."""

    schedule_id = serializers.UUIDField(read_only=True)
    instance_ids = serializers.ListField(child=serializers.UUIDField(), read_only=True)
    problems = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Occurrence
        fields = ("id", "schedule_id", "due_at", "trigger", "status", "instance_ids", "problems", "created_at")
        read_only_fields = fields


class ChangedScheduleSerializer(TimeLimitFields):
    """The body of PUT and PATCH, which mean the same: what is not sent stays."""

    must_have: frozenset[str] = frozenset()
    name = serializers.CharField(max_length=200)
    template_id = serializers.UUIDField()
    template_version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, allow_null=True)
    action = serializers.ChoiceField(ScheduleAction.choices)
    count = serializers.IntegerField(min_value=1, max_value=100, help_text="How many to start. Default: 1.")
    cron = serializers.CharField(
        max_length=100, allow_blank=True, help_text="Minute, hour, day of the month, month, day of the week."
    )
    interval_s = serializers.IntegerField(min_value=INTERVALS_S[0], max_value=INTERVALS_S[1], allow_null=True)
    time_zone = serializers.CharField(max_length=64, allow_blank=True, help_text="Of `cron`. Default: the site's.")
    paused = serializers.BooleanField()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name, field in fields.items():
            field.required = name in self.must_have
        return fields


class NewScheduleSerializer(ChangedScheduleSerializer):
    """When to do what: `cron` or `interval_s`, and an action."""

    must_have = frozenset({"name", "template_id", "action"})


class ScheduleViewSet(ListModelMixin, DestroyModelMixin, Shows, Changes):
    """The schedules of a site."""

    scopes = {
        "GET": "schedules:read",
        "POST": "schedules:write",
        "PUT": "schedules:write",
        "PATCH": "schedules:write",
        "DELETE": "schedules:write",
    }
    serializer_class = ScheduleSerializer
    filterset_class = ScheduleFilter
    search_fields = ["name"]
    ordering_fields = ["created_at", "updated_at", "name", "next_at", "last_at"]

    def select(self) -> QuerySet[Schedule]:
        return schedules.schedules_of(self.principal)

    def get_serializer_class(self) -> type[Any]:
        """What a form of the browsable API is made from."""
        bodies = {"POST": NewScheduleSerializer, "PUT": ChangedScheduleSerializer, "PATCH": ChangedScheduleSerializer}
        return bodies.get(self.request.method or "", ScheduleSerializer)

    @extend_schema(request=NewScheduleSerializer, responses={201: ScheduleSerializer}, examples=[SCHEDULE])
    def create(self, request: Request) -> Response:
        """Write a schedule; it acts as its author, with the role that they have then."""
        row = schedules.create_schedule(self.principal, **self.valid(NewScheduleSerializer))
        response = self.answer(row, status=201)
        response["Location"] = f"/api/schedules/{row.pk}"
        return response

    @extend_schema(request=ChangedScheduleSerializer, responses={200: ScheduleSerializer}, examples=[CHANGED_SCHEDULE])
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is sent and leave the rest; from then on it acts as you."""
        return super().update(request, *args, **kwargs)

    @extend_schema(request=ChangedScheduleSerializer, responses={200: ScheduleSerializer}, examples=[CHANGED_SCHEDULE])
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The same as PUT."""
        return super().update(request, *args, **kwargs)

    def perform_update(self, row: Schedule, changes: dict[str, Any]) -> Schedule:
        return schedules.change_schedule(self.principal, row.pk, **changes)

    def perform_destroy(self, row: Schedule) -> None:
        """Its history goes along; what it started goes on."""
        schedules.remove_schedule(self.principal, row.pk)

    def answer(self, row: Schedule, *, status: int = 200) -> Response:
        return Response(ScheduleSerializer(row).data, status=status, headers={"ETag": self.version_of(row) or ""})


class _PausedView(SiteView):
    scopes = {"POST": "schedules:write"}
    paused: bool

    @extend_schema(request=None, responses={200: ScheduleSerializer})
    def post(self, request: Request, pk: UUID) -> Response:
        """Twice is success."""
        _refuse_body(request)
        row = schedules.change_schedule(self.principal, pk, paused=self.paused)
        return Response(ScheduleSerializer(row).data)


class PauseScheduleView(_PausedView):
    """Have it do nothing until it is resumed; what it misses then is not caught up."""

    paused = True


class ResumeScheduleView(_PausedView):
    """Have it go on from now."""

    paused = False


class RunScheduleView(SiteView):
    """Do at once what it does when it is due."""

    scopes = {"POST": "schedules:write"}

    @extend_schema(request=None, responses={200: OccurrenceSerializer})
    def post(self, request: Request, pk: UUID) -> Response:
        """What came of it. When it is due next stays as it is."""
        _refuse_body(request)
        return Response(OccurrenceSerializer(schedules.run_now(self.principal, pk)).data)


class OccurrencesView(SiteView, GenericAPIView):
    """When a schedule was due and what came of it, newest first; kept for 90 days."""

    scopes = {"GET": "schedules:read"}
    serializer_class = OccurrenceSerializer
    filterset_class = OccurrenceFilter
    search_fields = ["problems"]
    ordering_fields = ["created_at", "due_at"]
    queryset = Occurrence.everywhere.none()

    @extend_schema(responses={200: OccurrenceSerializer(many=True)})
    def get(self, request: Request, pk: UUID) -> Response:
        """`trigger` says why it was done: due, caught up, or asked for."""
        rows = self.filter_queryset(schedules.occurrences_of(self.principal, pk))
        return self.get_paginated_response(OccurrenceSerializer(self.paginate_queryset(rows), many=True).data)


def _refuse_body(request: Request) -> None:
    if request.data:
        raise Invalid("This takes no body.")
