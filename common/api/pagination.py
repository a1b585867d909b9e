"""Lists in pages: `{count, next, previous, results}` by `limit` and `offset`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
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
COUNTINGS = ("capped", "exact", "estimate")
_COUNTING = "`capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost."
_SECRET = {"ticket", "token"}


class Page(BasePagination):
    """`count` stops at 10,001, which reads "more than 10,000"; `count=exact` counts all, `count=estimate` asks the
    planner, who has counted before. A page that shows the list's end costs no counting at all.
    """

    parameters = frozenset({"limit", "offset", "count"})
    count: int | None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        query = request.query_params
        self.request = request
        self.limit = number(query, "limit", DEFAULT_LIMIT, least=1, most=MAX_LIMIT)
        self.offset = number(query, "offset", 0, least=0, most=MAX_OFFSET)
        counting = counting_of(query)
        rows = list(queryset[self.offset : self.offset + self.limit + 1])
        self.more = len(rows) > self.limit
        page = rows[: self.limit]
        if self.more or (self.offset and not page):
            self.count = count_of(queryset, counting)
        else:
            self.count = self.offset + len(page)
        return page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({**self.around(), "results": data})

    def around(self) -> dict[str, Any]:
        """What stands around the results: the count and the links."""
        before = max(0, self.offset - self.limit)
        return {
            "count": self.count,
            "next": self._link(self.offset + self.limit) if self.more else None,
            "previous": self._link(before) if self.offset else None,
        }

    def get_results(self, data: Any) -> Any:
        return data["results"]

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        offset = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0}
        counting = {"type": "string", "enum": list(COUNTINGS), "default": "capped"}
        return [
            parameter("limit", "How many results to return.", limit),
            parameter("offset", "How many results to skip.", offset),
            parameter("count", _COUNTING, counting),
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


def parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def number(query: Any, name: str, default: int, *, least: int, most: int) -> int:
    text = query.get(name, "")
    if text == "":
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or not least <= int(text) <= most:
        rule = f"A whole number from {least} to {most}."
        raise Invalid(f"{name}: {rule}", fields={name: [rule]})
    return int(text)


def counting_of(query: Any) -> str:
    """How the request wants its list counted."""
    wanted = str(query.get("count", "") or "capped")
    if wanted not in COUNTINGS:
        rule = f"One of: {', '.join(COUNTINGS)}."
        raise Invalid(f"count: {rule}", fields={"count": [rule]})
    return wanted


def count_of(rows: QuerySet[Any] | Sequence[Any], counting: str) -> int:
    """The number of `rows`, as exactly as `counting` says."""
    if not isinstance(rows, QuerySet):
        return len(rows)
    rows = rows.order_by()
    if counting == "estimate":
        return _estimate(rows)
    # A slice keeps what is annotated to each row, and would work it out 10,001 times: count keys alone.
    return rows.count() if counting == "exact" else rows.values("pk")[:COUNT_CAP].count()


def _estimate(rows: QuerySet[Any]) -> int:
    plan: dict[str, Any] = orjson.loads(rows.values_list("pk").explain(format="json"))[0]["Plan"]
    return int(plan["Plan Rows"])
