"""Instances over HTTP: ask for one, read it, change what is wished of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from django.db.models import Case, FloatField, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Concat, Replace
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import refuse_unknown
from common.errors import Conflict, Invalid, NotFound, PlatformError
from common.realtime.wait import wait_until
from common.tenancy import site_scope
from instances import extending, selectors, services, signed
from instances.api.examples import CHANGED_INSTANCE, EXTENSION, FROM_TEMPLATE, NEW_INSTANCE
from instances.api.filters import InstanceFilter
from instances.api.serializers import (
    ChangedInstanceSerializer,
    ExtensionSerializer,
    InstanceSerializer,
    NewInstanceSerializer,
)
from instances.models import Instance, Status
from instances.timelimits import HOUR_MS
from sites.api.base import Changes, Shows, SiteView
from sites.api.hot import Hot
from sites.principal import Principal

TEXT = TextField()
NULL, DASH, NOTHING = (Value(value, output_field=TEXT) for value in (None, "-", ""))
MACHINE = Concat(Replace(Cast("id", TEXT), DASH, NOTHING), DASH, Cast("incarnation", TEXT), output_field=TEXT)
"""`Instance.machine`, for lists that PostgreSQL writes."""
ENDS = (Status.ERROR, Status.DELETING, Status.DELETED)


class WaitedInVain(PlatformError):
    status = 408
    code = "WAIT_TIMEOUT"


class InstanceViewSet(Hot, ListModelMixin, Shows, Changes):
    """The machines of a site."""

    computed = {
        "provider_ref": Case(When(handle__isnull=False, then=MACHINE), default=NULL),
        "cdp_url": NULL,
        "timeout_hours": Cast("timeout_ms", FloatField()) / Value(float(HOUR_MS), output_field=FloatField()),
    }

    scopes = {
        "GET": "instances:read",
        "POST": "instances:write",
        "PUT": "instances:write",
        "PATCH": "instances:write",
        "DELETE": "instances:write",
    }
    serializer_class = InstanceSerializer
    filterset_class = InstanceFilter
    search_fields = ["name", "status_reason"]
    ordering_fields = [
        "created_at",
        "updated_at",
        "name",
        "status",
        "last_activity_at",
        "started_at",
        "stopped_at",
        "expires_at",
    ]

    def select(self) -> QuerySet[Instance]:
        return selectors.instances_of(self.principal)

    def get_serializer_class(self) -> type[Any]:
        """What a form or the raw-data box of the browsable API is made from."""
        bodies = {"POST": NewInstanceSerializer, "PUT": ChangedInstanceSerializer, "PATCH": ChangedInstanceSerializer}
        return bodies.get(self.request.method or "", InstanceSerializer)

    @extend_schema(
        request=NewInstanceSerializer, responses={201: InstanceSerializer}, examples=[NEW_INSTANCE, FROM_TEMPLATE]
    )
    def create(self, request: Request) -> Response:
        """Answered at once, with a `pending` instance; watch its events, or wait for `running`."""
        wanted = self.valid(NewInstanceSerializer)
        self.refuse_other_site(wanted.pop("site_id", None))
        instance = services.request_instance(self.principal, **wanted)
        response = self.answer(instance, status=201)
        response["Location"] = f"/api/instances/{instance.pk}"
        return response

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        instance = self.get_object()
        response = self.answer(instance)
        response.data["cdp_url"] = signed.cdp_url_of(self.principal, instance)
        return response

    @classmethod
    def finished(cls, body: bytes, principal: Principal) -> bytes:
        """A running browser's row tells where DevTools clients connect, which no database can sign."""
        if b'"browser"' not in body:
            return body
        row = orjson.loads(body)
        known = Instance(
            pk=UUID(row["id"]),
            incarnation=row["incarnation"],
            status=row["status"],
            instance_type=row["instance_type"],
        )
        return orjson.dumps({**row, "cdp_url": signed.cdp_url_of(principal, known)})

    @extend_schema(request=ChangedInstanceSerializer, responses={200: InstanceSerializer}, examples=[CHANGED_INSTANCE])
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is sent and leave the rest: PUT and PATCH mean the same."""
        return super().update(request, *args, **kwargs)

    @extend_schema(request=ChangedInstanceSerializer, responses={200: InstanceSerializer}, examples=[CHANGED_INSTANCE])
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is sent and leave the rest: PUT and PATCH mean the same."""
        return super().update(request, *args, **kwargs)

    def perform_update(self, row: Instance, changes: dict[str, Any]) -> Instance:
        return services.change_instance(self.principal, row.pk, **changes)

    @extend_schema(request=None, responses={202: InstanceSerializer})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Accepted in every status. The machine is destroyed first, then the row is hidden."""
        return self.answer(services.request_deletion(self.principal, self.get_object().pk), status=202)

    def answer(self, row: Instance, *, status: int = 200) -> Response:
        return Response(InstanceSerializer(row).data, status=status, headers={"ETag": self.version_of(row) or ""})

    def refuse_other_site(self, site_id: UUID | None) -> None:
        """A key has one site; naming another is like naming none that exists."""
        if site_id is not None and site_id != self.principal.site_id:
            raise NotFound("No such site.")


class _OrderView(SiteView):
    """A wish without a body: 202 and the instance as it is now."""

    scopes = {"POST": "instances:write"}

    def order(self, request: Request, pk: UUID, service: Any) -> Response:
        if request.data:
            raise Invalid("This takes no body.")
        return Response(InstanceSerializer(service(self.principal, pk)).data, status=202)


_ordered = extend_schema(request=None, responses={202: InstanceSerializer})


class StartView(_OrderView):
    """Start a stopped instance, its disk as it was left; try one in error anew."""

    @_ordered
    def post(self, request: Request, pk: UUID) -> Response:
        return self.order(request, pk, services.request_start)


class StopView(_OrderView):
    """Stop an instance and keep its disk."""

    @_ordered
    def post(self, request: Request, pk: UUID) -> Response:
        return self.order(request, pk, services.request_stop)


class RestartView(_OrderView):
    """Stop a running instance and start it again."""

    @_ordered
    def post(self, request: Request, pk: UUID) -> Response:
        return self.order(request, pk, services.request_restart)


class PauseView(_OrderView):
    """Hold a running instance still, with all that it does; where its machines cannot be, it is stopped."""

    @_ordered
    def post(self, request: Request, pk: UUID) -> Response:
        return self.order(request, pk, services.request_pause)


class ResumeView(_OrderView):
    """Let a paused instance go on."""

    @_ordered
    def post(self, request: Request, pk: UUID) -> Response:
        return self.order(request, pk, services.request_resume)


class RetryView(_OrderView):
    """Give an instance in error a new machine; the old one and its disk are destroyed."""

    @_ordered
    def post(self, request: Request, pk: UUID) -> Response:
        return self.order(request, pk, services.request_retry)


class ExtendView(SiteView):
    """Put off the end of a running instance."""

    scopes = {"POST": "instances:write"}

    @extend_schema(request=ExtensionSerializer, responses={200: InstanceSerializer}, examples=[EXTENSION])
    def post(self, request: Request, pk: UUID) -> Response:
        """Let it run for so long from now on; without a body, for its whole time limit again. An end that is further
        off stays."""
        body = ExtensionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(InstanceSerializer(extending.request_extension(self.principal, pk, **body.validated_data)).data)


class WaitView(SiteView):
    """Wait until an instance has a status."""

    scopes = {"GET": "instances:read"}
    scoped = False
    error_statuses = (408, 409)

    @extend_schema(
        parameters=[
            OpenApiParameter("status", str, enum=Status.values, default="running"),
            OpenApiParameter("timeout_s", float, description="0 to 300. Default 60."),
        ],
        responses={200: InstanceSerializer},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """200 with the instance when it has the status; 408 when the time is over; 409 when it can't come any more."""
        refuse_unknown(request, {"status", "timeout_s"})
        wanted, timeout_s = _wanted_status(request), _timeout_s(request)
        found = wait_until(f"instance:{pk}", lambda: self.look(pk, wanted), timeout_s=timeout_s)
        if found is None:
            raise WaitedInVain(f"Not {wanted} within {timeout_s:g} seconds.", status=self.read(pk).status)
        return Response({**InstanceSerializer(found).data, "cdp_url": signed.cdp_url_of(self.principal, found)})

    def look(self, pk: UUID, wanted: str) -> Instance | None:
        instance = self.read(pk)
        if instance.status == wanted:
            return instance
        if instance.status in ENDS and not _leads_on(instance, wanted):
            message = f"The instance is {instance.status}: {instance.status_reason}".rstrip(": ")
            raise Conflict(message, status=instance.status, reason=instance.status_reason)
        return None

    def read(self, pk: UUID) -> Instance:
        with site_scope(self.principal.site_id):
            return selectors.instance_of(self.principal, pk, with_deleted=True)


def _leads_on(instance: Instance, wanted: str) -> bool:
    """Whether a status that usually ends the wait is on the way to the wanted one this time."""
    if instance.status == Status.DELETING:
        return wanted == Status.DELETED
    return instance.status == Status.ERROR and instance.begins_anew


def _wanted_status(request: Request) -> str:
    wanted = request.query_params.get("status", Status.RUNNING)
    if wanted not in Status.values:
        raise Invalid(f"status: One of: {', '.join(Status.values)}.", fields={"status": ["Not a status."]})
    return wanted


def _timeout_s(request: Request) -> float:
    text = request.query_params.get("timeout_s", "60")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 300:
        raise Invalid("timeout_s: A number from 0 to 300.", fields={"timeout_s": ["A number from 0 to 300."]})
    return seconds
