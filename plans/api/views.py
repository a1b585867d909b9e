"""Plans over HTTP: write one, read it, change it and its steps, and ask for its moves."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import DestroyModelMixin, ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import Invalid
from plans import selectors, services
from plans.api.examples import PLAN
from plans.api.filters import PlanFilter
from plans.api.serializers import (
    ChangedPlanSerializer,
    ChangedStepSerializer,
    NewInstancePlanSerializer,
    NewPlanSerializer,
    PlanSerializer,
    ReasonSerializer,
)
from plans.models import Plan
from sites.api.base import Changes, Shows, SiteView

SEARCHED = ["title", "description"]
ORDERED_BY = ["created_at", "updated_at", "priority", "due_at", "progress_percentage", "title"]
_shown = extend_schema(responses={200: PlanSerializer}, examples=[PLAN])
_asked = extend_schema(request=None, responses={200: PlanSerializer}, examples=[PLAN])


class PlanViewSet(ListModelMixin, DestroyModelMixin, Shows, Changes):
    """The plans of a site."""

    scopes = {
        "GET": "plans:read",
        "POST": "plans:write",
        "PUT": "plans:write",
        "PATCH": "plans:write",
        "DELETE": "plans:write",
    }
    serializer_class = PlanSerializer
    filterset_class = PlanFilter
    search_fields = SEARCHED
    ordering_fields = ORDERED_BY

    bodies: ClassVar[dict[str, type[Any]]] = {
        "create": NewPlanSerializer,
        "update": ChangedPlanSerializer,
        "partial_update": ChangedPlanSerializer,
        "step": ChangedStepSerializer,
        "fail": ReasonSerializer,
        "cancel": ReasonSerializer,
    }

    def select(self) -> QuerySet[Plan]:
        return selectors.plans(self.principal)

    def get_serializer_class(self) -> type[Any]:
        """What a body is read with, and what a form of the browsable API is made from."""
        return self.bodies.get(self.action, PlanSerializer)

    def answer(self, row: Plan, *, status: int = 200) -> Response:
        return Response(PlanSerializer(row).data, status=status, headers={"ETag": self.version_of(row) or ""})

    @extend_schema(responses={201: PlanSerializer}, examples=[PLAN])
    def create(self, request: Request) -> Response:
        """Add a plan to an instance."""
        wanted = self.valid()
        plan = services.write_plan(self.principal, wanted.pop("instance_id"), **wanted)
        response = self.answer(plan, status=201)
        response["Location"] = f"/api/plans/{plan.pk}"
        return response

    @_shown
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().retrieve(request, *args, **kwargs)

    @_shown
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is sent and leave the rest: PUT and PATCH mean the same."""
        return super().update(request, *args, **kwargs)

    @_shown
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is sent and leave the rest: PUT and PATCH mean the same."""
        return super().update(request, *args, **kwargs)

    def perform_update(self, row: Plan, changes: dict[str, Any]) -> Plan:
        return services.change_plan(self.principal, row.pk, **changes)

    def perform_destroy(self, instance: Plan) -> None:
        services.remove_plan(self.principal, instance.pk)

    @extend_schema(operation_id="patch_plan_step", responses={200: PlanSerializer}, examples=[PLAN])
    @action(detail=True, methods=["patch"], url_path="steps/<str:step_id>")
    def step(self, request: Request, pk: UUID, step_id: str) -> Response:
        """Change one step. The plan begins with the first of its steps and is completed with the last."""
        plan = self.get_object()
        return self.answer(services.change_step(self.principal, plan.pk, step_id, **self.valid(row=plan)))

    @_asked
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: UUID) -> Response:
        """Begin with a pending plan, on an instance that is running."""
        return self.move(services.start_plan)

    @_asked
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: UUID) -> Response:
        """Say that it is reached. All steps are completed or skipped by then."""
        return self.move(services.complete_plan)

    @_shown
    @action(detail=True, methods=["post"])
    def fail(self, request: Request, pk: UUID) -> Response:
        """Say that it is not reached; `reason` becomes its error message."""
        return self.move(services.fail_plan, **self.valid())

    @_shown
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Give it up, for good."""
        return self.move(services.cancel_plan, **self.valid())

    @_asked
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: UUID) -> Response:
        """Rest with it for a while; its instance may be stopped meanwhile."""
        return self.move(services.pause_plan)

    @_asked
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: UUID) -> Response:
        """Go on with a paused plan, on an instance that is running."""
        return self.move(services.resume_plan)

    @_asked
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: UUID) -> Response:
        """Have a failed plan be pending again, at most `max_retries` times. What is done stays done."""
        return self.move(services.retry_plan)

    def move(self, service: Any, **said: Any) -> Response:
        if self.action not in self.bodies and self.request.data:
            raise Invalid("This takes no body.")
        return self.answer(service(self.principal, self.get_object().pk, **said))


class InstancePlansView(SiteView, GenericAPIView):
    """An instance's plans, newest first."""

    scopes = {"GET": "plans:read", "POST": "plans:write"}
    filterset_class = PlanFilter
    search_fields = SEARCHED
    ordering_fields = ORDERED_BY
    queryset = Plan.everywhere.none()

    def get_queryset(self) -> QuerySet[Plan]:
        return selectors.plans_of(self.principal, self.kwargs["pk"])

    def get_serializer_class(self) -> type[Any]:
        return NewInstancePlanSerializer if self.request.method == "POST" else PlanSerializer

    @extend_schema(responses={200: PlanSerializer(many=True)})
    def get(self, request: Request, pk: UUID) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(PlanSerializer(page, many=True).data)

    @extend_schema(request=NewInstancePlanSerializer, responses={201: PlanSerializer}, examples=[PLAN])
    def post(self, request: Request, pk: UUID) -> Response:
        """Add a plan to the instance."""
        body = NewInstancePlanSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        plan = services.write_plan(self.principal, pk, **body.validated_data)
        return Response(PlanSerializer(plan).data, status=201, headers={"Location": f"/api/plans/{plan.pk}"})
