"""What every dialect's views stand on: JSON in whatever it is called, JSON out, and no form for people."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from common.api.parsers import StrictJSONParser
from common.api.renderers import JSONRenderer
from facades.auth import HeaderKey
from facades.schema import DialectSchema, Refused
from sites.api.base import SiteView


class AnyJSONParser(StrictJSONParser):
    """Clients of other services say `Content-Type` as they like."""

    media_type = "*/*"


class JSONWhateverIsAccepted(BaseContentNegotiation):
    """No `Accept` is refused: these clients read JSON, and nothing else is here."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class DialectView(SiteView):
    """One address of a dialect. `refusals` are the statuses that its page lists, with an example of each."""

    schema = DialectSchema()
    authentication_classes = [HeaderKey]
    scoped = False
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]  # OPTIONS would answer in our words
    parser_classes = [AnyJSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = JSONWhateverIsAccepted
    refusals: ClassVar[dict[int, Refused]] = {}
