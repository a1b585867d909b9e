"""Plans over HTTP."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from plans import selectors, services
from plans.api.filters import PlanFilter
from plans.api.serializers import PlanSerializer
from plans.models import Plan
from sites.api.base import SiteView


class InstancePlansView(SiteView, GenericAPIView):
    """An instance's plans, newest first."""

    scopes = {"GET": "plans:read", "POST": "plans:write"}
    serializer_class = PlanSerializer
    filterset_class = PlanFilter
    queryset = Plan.everywhere.none()

    def get_queryset(self) -> QuerySet[Plan]:
        return selectors.plans_of(self.principal, self.kwargs["pk"])

    @extend_schema(responses={200: PlanSerializer(many=True)})
    def get(self, request: Request, pk: UUID) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(PlanSerializer(page, many=True).data)

    @extend_schema(responses={201: PlanSerializer})
    def post(self, request: Request, pk: UUID) -> Response:
        body = PlanSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        plan = services.write_plan(self.principal, pk, **body.validated_data)
        return Response(PlanSerializer(plan).data, status=201)
