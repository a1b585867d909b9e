"""The order of lists: `ordering=priority` or `ordering=-due_at,title`, by the columns that a view names."""

from __future__ import annotations

from typing import Any

from rest_framework.filters import OrderingFilter
from rest_framework.request import Request

from common.errors import Invalid

_SAME = {"created_at": "id"}
"""Ids are given by time, and the indexes of lists end in them."""


class StrictOrderingFilter(OrderingFilter):
    """A view's `ordering_fields`; another name is a 400. The id decides between equals, so that pages never overlap."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> list[str] | None:
        wanted = [name.strip() for name in request.query_params.get(self.ordering_param, "").split(",")]
        if wanted == [""]:
            return None
        unknown = [name for name in wanted if name.removeprefix("-") not in view.ordering_fields]
        if unknown:
            rule = f"One or more of: {', '.join(view.ordering_fields)}; with - in front for downwards."
            raise Invalid(f"ordering: {rule}", fields={"ordering": [rule]})
        return _made_unique([_column(name) for name in wanted])

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        ordering = self.get_ordering(request, queryset, view)
        return queryset.order_by(*ordering) if ordering else queryset


def _column(name: str) -> str:
    sign, bare = ("-" if name.startswith("-") else ""), name.removeprefix("-")
    return sign + _SAME.get(bare, bare)


def _made_unique(columns: list[str]) -> list[str]:
    """By the id last, in the last column's direction: so an index on both can be read either way."""
    if any(column.removeprefix("-") == "id" for column in columns):
        return columns
    return [*columns, "-id" if columns[-1].startswith("-") else "id"]
