"""Signed addresses over HTTP: where to reach an instance's streams, which the gateway serves."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import refuse_unknown
from instances import signed
from instances.api.examples import CDP_ADDRESS
from instances.api.serializers import CdpSerializer
from sites.api.base import SiteView


class CdpView(SiteView):
    """Where DevTools clients (Playwright, Puppeteer, browser-use) connect to a running browser instance."""

    scopes = {"GET": "instances:act"}
    error_statuses = (409,)

    @extend_schema(responses={200: CdpSerializer}, examples=[CDP_ADDRESS])
    def get(self, request: Request, pk: UUID) -> Response:
        """A fresh signed address, good for an hour. Several clients may use it at once."""
        refuse_unknown(request, ())
        return Response(CdpSerializer(asdict(signed.issue_cdp(self.principal, pk))).data)
