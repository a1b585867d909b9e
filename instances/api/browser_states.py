"""Browser states over HTTP: listed, uploaded, renamed, removed; saved from a running browser, and loaded into one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.mixins import DestroyModelMixin, ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.examples import sample_id
from common.api.filters import refuse_unknown
from common.api.serializers import StrictModelSerializer, StrictSerializer
from instances import browser_states
from instances.api.filters import BrowserStateFilter
from instances.models import BrowserState
from sites.api.base import Changes, Shows, SiteView

_COOKIE = {"name": "session", "value": "…", "domain": "shop.example.com", "path": "/", "secure": True}
_STORED = {"origin": "https://shop.example.com", "localStorage": [{"name": "cart", "value": "…"}]}
UPLOAD = OpenApiExample(
    "As Playwright's storage_state() has it",
    {"name": "shop", "state": {"cookies": [_COOKIE], "origins": [_STORED]}},
    request_only=True,
)
SAVE = OpenApiExample("A login", {"name": "shop, logged in", "replace": False}, request_only=True)
LOAD = OpenApiExample("A login", {"browser_state_id": sample_id("browser_state_id")}, request_only=True)


class BrowserStateSerializer(StrictModelSerializer):
    """What lies in a saved state, and where it came from; never the state itself."""

    hosts = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Whose cookies and storage it has; at most 200."
    )
    cookies = serializers.IntegerField(read_only=True, help_text="How many.")
    origins = serializers.IntegerField(read_only=True, help_text="How many sites' local storage.")
    instance_id = serializers.UUIDField(read_only=True, allow_null=True, help_text="Null: it was uploaded.")
    created_by = serializers.UUIDField(source="created_by_id", read_only=True)

    class Meta:
        model = BrowserState
        fields = ("id", "name", "hosts", "cookies", "origins", "instance_id", "created_by", "created_at", "updated_at")
        read_only_fields = fields


class NewBrowserStateSerializer(StrictSerializer):
    """The body of POST. `state` is shown to nobody again."""

    name = serializers.CharField(max_length=200)
    state = serializers.DictField(
        write_only=True, help_text="`cookies` and `origins`, as Playwright's `storage_state()`; 1 MiB at most."
    )


class RenamedBrowserStateSerializer(StrictSerializer):
    """The body of PUT and PATCH, which mean the same."""

    name = serializers.CharField(max_length=200)


class SaveBrowserStateSerializer(StrictSerializer):
    """What to call the state that is saved."""

    name = serializers.CharField(max_length=200)
    replace = serializers.BooleanField(default=False, help_text="Put it in the place of one of that name.")


class LoadBrowserStateSerializer(StrictSerializer):
    """Which saved state the browser gets."""

    browser_state_id = serializers.UUIDField()


class BrowserStateViewSet(ListModelMixin, DestroyModelMixin, Shows, Changes):
    """The saved browser states of a site."""

    scopes = {
        "GET": "browser-states:read",
        "POST": "browser-states:write",
        "PUT": "browser-states:write",
        "PATCH": "browser-states:write",
        "DELETE": "browser-states:write",
    }
    error_statuses = (409,)
    serializer_class = BrowserStateSerializer
    filterset_class = BrowserStateFilter
    search_fields = ["name"]
    ordering_fields = ["created_at", "updated_at", "name"]

    def select(self) -> QuerySet[BrowserState]:
        return browser_states.states_of(self.principal)

    def get_serializer_class(self) -> type[Any]:
        """What a form of the browsable API is made from."""
        bodies = {"POST": NewBrowserStateSerializer, "PUT": RenamedBrowserStateSerializer}
        bodies["PATCH"] = RenamedBrowserStateSerializer
        return bodies.get(self.request.method or "", BrowserStateSerializer)

    @extend_schema(request=NewBrowserStateSerializer, responses={201: BrowserStateSerializer}, examples=[UPLOAD])
    def create(self, request: Request) -> Response:
        """Keep a state that you have, sealed."""
        row = browser_states.upload_state(self.principal, **self.valid(NewBrowserStateSerializer))
        response = self.answer(row, status=201)
        response["Location"] = f"/api/browser-states/{row.pk}"
        return response

    @extend_schema(request=RenamedBrowserStateSerializer, responses={200: BrowserStateSerializer})
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give it another name."""
        return super().update(request, *args, **kwargs)

    @extend_schema(request=RenamedBrowserStateSerializer, responses={200: BrowserStateSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The same as PUT."""
        return super().update(request, *args, **kwargs)

    def perform_update(self, row: BrowserState, changes: dict[str, Any]) -> BrowserState:
        return browser_states.rename_state(self.principal, row.pk, **{"name": row.name, **changes})

    def perform_destroy(self, row: BrowserState) -> None:
        """Browsers that took it keep what they have."""
        browser_states.remove_state(self.principal, row.pk)

    def answer(self, row: BrowserState, *, status: int = 200) -> Response:
        return Response(BrowserStateSerializer(row).data, status=status, headers={"ETag": self.version_of(row) or ""})


class _OfABrowser(SiteView):
    scopes = {"POST": "instances:act"}
    scoped = False
    error_statuses = (409, 429, 502, 504)

    def read(self, request: Request, kind: type[StrictSerializer]) -> dict[str, Any]:
        refuse_unknown(request, ())
        body = kind(data=request.data)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)


class SaveBrowserView(_OfABrowser):
    """The logins of a running browser, kept for other ones."""

    @extend_schema(request=SaveBrowserStateSerializer, responses={201: BrowserStateSerializer}, examples=[SAVE])
    def post(self, request: Request, pk: UUID) -> Response:
        """Save its cookies and local storage under a name. Needs `browser-states:write`."""
        row = browser_states.save_state(self.principal, pk, **self.read(request, SaveBrowserStateSerializer))
        return Response(BrowserStateSerializer(row).data, status=201)


class LoadBrowserView(_OfABrowser):
    """Saved logins for a running browser."""

    @extend_schema(request=LoadBrowserStateSerializer, responses={200: BrowserStateSerializer}, examples=[LOAD])
    def post(self, request: Request, pk: UUID) -> Response:
        """Add a saved state to what it has; open pages see it once they load again. Needs `browser-states:read`."""
        wanted = self.read(request, LoadBrowserStateSerializer)
        row = browser_states.load_state(self.principal, pk, wanted["browser_state_id"])
        return Response(BrowserStateSerializer(row).data)
