"""Lists in pages: `{count, next, previous, results}` by `limit` and `offset`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import Invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_OFFSET = 1_000_000
COUNT_CAP = 10_001
_SECRET = {"ticket", "token"}


class Page(BasePagination):
    """`count` stops at 10,001, which reads "more than 10,000"; with `count=exact` it is exact, and slower.

    A page that shows the list's end costs no counting at all.
    """

    parameters = frozenset({"limit", "offset", "count"})

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        query = request.query_params
        self.request = request
        self.limit = _number(query, "limit", DEFAULT_LIMIT, least=1, most=MAX_LIMIT)
        self.offset = _number(query, "offset", 0, least=0, most=MAX_OFFSET)
        exact = _exact(query)
        rows = list(queryset[self.offset : self.offset + self.limit + 1])
        self.more = len(rows) > self.limit
        page = rows[: self.limit]
        if self.more or (self.offset and not page):
            self.count = _count(queryset, exact=exact)
        else:
            self.count = self.offset + len(page)
        return page

    def get_paginated_response(self, data: Any) -> Response:
        before = max(0, self.offset - self.limit)
        return Response(
            {
                "count": self.count,
                "next": self._link(self.offset + self.limit) if self.more else None,
                "previous": self._link(before) if self.offset else None,
                "results": data,
            }
        )

    def get_results(self, data: Any) -> Any:
        return data["results"]

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        offset = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0}
        counting = {"type": "string", "enum": ["capped", "exact"], "default": "capped"}
        return [
            _parameter("limit", "How many results to return.", limit),
            _parameter("offset", "How many results to skip.", offset),
            _parameter("count", "`capped` counts to 10,001 and stops; `exact` counts all.", counting),
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {"type": "integer", "description": "10001 means more than 10,000; see `count`."},
                "next": link,
                "previous": link,
                "results": schema,
            },
        }

    def _link(self, offset: int) -> str:
        query = [
            (name, value)
            for name, values in self.request.query_params.lists()
            if name not in _SECRET and name not in {"limit", "offset"}
            for value in values
        ]
        query += [("limit", str(self.limit)), ("offset", str(offset))]
        return f"{settings.PUBLIC_URL}{self.request.path}?{urlencode(query)}"


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _number(query: Any, name: str, default: int, *, least: int, most: int) -> int:
    text = query.get(name, "")
    if text == "":
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or not least <= int(text) <= most:
        rule = f"A whole number from {least} to {most}."
        raise Invalid(f"{name}: {rule}", fields={name: [rule]})
    return int(text)


def _exact(query: Any) -> bool:
    wanted = query.get("count", "") or "capped"
    if wanted not in {"capped", "exact"}:
        raise Invalid("count: Either capped or exact.", fields={"count": ["Either capped or exact."]})
    return bool(wanted == "exact")


def _count(rows: QuerySet[Any] | Sequence[Any], *, exact: bool) -> int:
    if not isinstance(rows, QuerySet):
        return len(rows)
    rows = rows.order_by()
    return rows.count() if exact else rows[:COUNT_CAP].count()
