"""Templates over HTTP: written, read, changed, and the versions that their changes leave behind."""

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
from instances import specs, templates
from instances.api.examples import TEMPLATE
from instances.api.fields import name_of_variable
from instances.api.filters import TemplateFilter, TemplateVersionFilter
from instances.api.serializers import PlaceFields, SpecBody
from instances.models import Instance, Template, TemplateVersion
from sites.api.base import Changes, Shows, SiteView

SPEC = (
    "instance_type",
    "provider",
    "region",
    "configuration",
    "startup_script",
    "environment_variables",
    "required_variables",
    "tools_enabled",
    "timeout_ms",
    "timeout_hours",
    "on_timeout",
    "idle_stop_minutes",
    "record",
)

POOL = ("pool_size", "pool_ready", "pool_failures", "pool_open_until", "pool_reason")


class _Shown(StrictModelSerializer):
    environment_variables = serializers.ListField(
        child=serializers.CharField(), source="environment_names", read_only=True, help_text="Names only."
    )
    timeout_hours = serializers.FloatField(read_only=True, allow_null=True)
    created_by = serializers.UUIDField(source="created_by_id", read_only=True)


class TemplateSerializer(_Shown):
    """A template as it is now."""

    pool_ready = serializers.IntegerField(read_only=True, default=0, help_text="How many can be claimed just now.")

    class Meta:
        model = Template
        fields = ("id", "name", "description", "version", *SPEC, *POOL, "created_by", "created_at", "updated_at")
        read_only_fields = fields


class TemplateVersionSerializer(_Shown):
    """A template's spec as it was in one version."""

    template_id = serializers.UUIDField(read_only=True)
    version = serializers.IntegerField(source="number", read_only=True)

    class Meta:
        model = TemplateVersion
        fields = ("id", "template_id", "version", *SPEC, "created_by", "created_at")
        read_only_fields = fields


class ChangedTemplateSerializer(PlaceFields, SpecBody):
    """The body of PUT and PATCH, which mean the same: what is not sent stays. A changed spec is a new version."""

    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=specs.DESCRIPTION_CHARACTERS, allow_blank=True)
    instance_type = serializers.ChoiceField(Instance.TYPES)
    pool_size = serializers.IntegerField(
        min_value=specs.POOL_SIZES[0],
        max_value=specs.POOL_SIZES[1],
        help_text="How many machines are kept running for whoever asks next.",
    )
    required_variables = serializers.ListField(
        child=serializers.CharField(validators=[name_of_variable]),
        max_length=specs.REQUIRED_NAMES,
        help_text="Names whose values must come with each use.",
    )


class NewTemplateSerializer(ChangedTemplateSerializer):
    """A template's first version; what is not sent is the default."""

    must_have = frozenset({"name"})


class TemplateViewSet(ListModelMixin, DestroyModelMixin, Shows, Changes):
    """The templates of a site."""

    scopes = {
        "GET": "templates:read",
        "POST": "templates:write",
        "PUT": "templates:write",
        "PATCH": "templates:write",
        "DELETE": "templates:write",
    }
    serializer_class = TemplateSerializer
    filterset_class = TemplateFilter
    search_fields = ["name", "description"]
    ordering_fields = ["created_at", "updated_at", "name", "version"]

    def select(self) -> QuerySet[Template]:
        return templates.templates_of(self.principal)

    def get_serializer_class(self) -> type[Any]:
        """What a form of the browsable API is made from."""
        bodies = {"POST": NewTemplateSerializer, "PUT": ChangedTemplateSerializer, "PATCH": ChangedTemplateSerializer}
        return bodies.get(self.request.method or "", TemplateSerializer)

    @extend_schema(request=NewTemplateSerializer, responses={201: TemplateSerializer}, examples=[TEMPLATE])
    def create(self, request: Request) -> Response:
        """Write a template; its first version is 1."""
        row = templates.create_template(self.principal, **self.valid(NewTemplateSerializer))
        response = self.answer(row, status=201)
        response["Location"] = f"/api/templates/{row.pk}"
        return response

    @extend_schema(request=ChangedTemplateSerializer, responses={200: TemplateSerializer}, examples=[TEMPLATE])
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is sent and leave the rest. A changed spec is a new version; running instances keep theirs."""
        return super().update(request, *args, **kwargs)

    @extend_schema(request=ChangedTemplateSerializer, responses={200: TemplateSerializer}, examples=[TEMPLATE])
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The same as PUT."""
        return super().update(request, *args, **kwargs)

    def perform_update(self, row: Template, changes: dict[str, Any]) -> Template:
        return templates.change_template(self.principal, row.pk, **changes)

    def perform_destroy(self, row: Template) -> None:
        """Its versions go along; instances that were made by it go on."""
        templates.remove_template(self.principal, row.pk)

    def answer(self, row: Template, *, status: int = 200) -> Response:
        return Response(TemplateSerializer(row).data, status=status, headers={"ETag": self.version_of(row) or ""})


class TemplateVersionsView(SiteView, GenericAPIView):
    """Every version of a template, newest first; `?number=3` is one of them."""

    scopes = {"GET": "templates:read"}
    serializer_class = TemplateVersionSerializer
    filterset_class = TemplateVersionFilter
    search_fields = ["startup_script"]
    ordering_fields = ["created_at", "number"]
    queryset = TemplateVersion.everywhere.none()

    @extend_schema(responses={200: TemplateVersionSerializer(many=True)})
    def get(self, request: Request, pk: UUID) -> Response:
        """Old versions stay to be read, and to be used as `name@version`."""
        rows = self.filter_queryset(templates.versions_of(self.principal, pk))
        return self.get_paginated_response(TemplateVersionSerializer(self.paginate_queryset(rows), many=True).data)
