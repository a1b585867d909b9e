"""Signed addresses over HTTP: where to reach an instance's streams, which the gateway serves."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import refuse_unknown
from common.errors import Invalid
from instances import signed, viewing
from instances.api.examples import CDP_ADDRESS, DRIVER, FRAMES_ADDRESS, VIEW_ADDRESS
from instances.api.serializers import CdpSerializer, DriverSerializer, FramesSerializer, ViewSerializer
from sites.api.base import SiteView

MODES = ["watch", "drive"]


class CdpView(SiteView):
    """Where DevTools clients (Playwright, Puppeteer, browser-use) connect to a running browser instance."""

    scopes = {"GET": "instances:act"}
    error_statuses = (409,)

    @extend_schema(responses={200: CdpSerializer}, examples=[CDP_ADDRESS])
    def get(self, request: Request, pk: UUID) -> Response:
        """A fresh signed address, good for an hour. Several clients may use it at once."""
        refuse_unknown(request, ())
        return Response(CdpSerializer(asdict(signed.issue_cdp(self.principal, pk))).data)


class FramesView(SiteView):
    """The screen as pictures: a WebSocket, or an event stream, that sends a JPEG when something on it has changed."""

    scopes = {"GET": "instances:read"}
    error_statuses = (409,)

    @extend_schema(responses={200: FramesSerializer}, examples=[FRAMES_ADDRESS])
    def get(self, request: Request, pk: UUID) -> Response:
        """A fresh signed address, good for an hour."""
        refuse_unknown(request, ())
        return Response(FramesSerializer(asdict(signed.issue_frames(self.principal, pk))).data)


class ViewView(SiteView):
    """A page that shows an instance's screen to people, and lets them drive it."""

    scopes = {"GET": "instances:read"}
    scoped = False

    @extend_schema(
        parameters=[OpenApiParameter("mode", str, enum=MODES, description="At most. Default: the most you may.")],
        responses={200: ViewSerializer},
        examples=[VIEW_ADDRESS],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """A fresh signed link, good for opening it within ten minutes. To drive needs `instances:act`."""
        refuse_unknown(request, {"mode"})
        address = signed.issue_view(self.principal, pk, mode=_mode(request))
        return Response(ViewSerializer(asdict(address)).data)


class DriverView(SiteView):
    """Who drives an instance's desktop by hand, from its live view."""

    scopes = {"GET": "instances:read"}
    scoped = False

    @extend_schema(responses={200: DriverSerializer}, examples=[DRIVER])
    def get(self, request: Request, pk: UUID) -> Response:
        """`driver` is null while nobody does. While somebody does, input by actions is a 409 with code `DRIVEN`."""
        refuse_unknown(request, ())
        driver = viewing.driver_of(self.principal, pk)
        who = driver and {"name": driver.label, "since": driver.since}
        return Response(DriverSerializer({"driver": who}).data)


def _mode(request: Request) -> signed.Mode | None:
    match request.query_params.get("mode"):
        case None:
            return None
        case "watch":
            return "watch"
        case "drive":
            return "drive"
        case _:
            raise Invalid("mode: watch or drive.", fields={"mode": ["watch or drive."]})
