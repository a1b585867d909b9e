"""Query parameters: the declared ones filter, the others are refused by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db import models
from django_filters import rest_framework as filters
from django_filters.utils import translate_validation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from common.errors import Invalid

LONGEST_SEARCH = 200
_ALWAYS = frozenset({"format", "site_id", "ticket"})
"""`format` picks the renderer; `site_id` and `ticket` are read at the door."""


@extend_schema_field(OpenApiTypes.BOOL)
class BooleanFilter(filters.TypedChoiceFilter):
    """`true` or `false`; django-filter's own reads anything else as no filter at all."""

    def __init__(self, **kwargs: Any) -> None:
        choices = (("true", "true"), ("false", "false"))
        super().__init__(choices=choices, coerce=lambda value: value == "true", **kwargs)


class IntegerFilter(filters.NumberFilter):
    """A whole number: by `0.5` no row of whole numbers can be found, so it is refused."""

    field_class = forms.IntegerField


class ChoicesFilter(filters.MultipleChoiceFilter):
    """`status=a&status=b`: either. Of one row's own column, so nothing can come twice; django-filter's own sorts a
    whole site's rows for a DISTINCT before it gives the first page."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"distinct": False, **kwargs})


class SiteFilterSet(filters.FilterSet):
    """Foreign keys filter by bare id: a choice of rows costs a query and shows rows that are not the caller's."""

    FILTER_DEFAULTS = {
        **filters.FilterSet.FILTER_DEFAULTS,
        models.ForeignKey: {"filter_class": filters.UUIDFilter},
        models.BooleanField: {"filter_class": BooleanFilter},
        models.OneToOneField: {"filter_class": filters.UUIDFilter},
    }


class IdsFilter(filters.BaseInFilter, filters.UUIDFilter):
    """`id=A,B,C`: whichever of these there are."""


class ListFilterSet(SiteFilterSet):
    """What every list of rows can be filtered by, whatever they are."""

    id = IdsFilter(label="One id, or several with commas between them.")
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")


class StrictFilterBackend(filters.DjangoFilterBackend):
    """django-filter, where an unknown parameter or a bad value is a 400.

    A view adds names of its own in `query_parameters`.
    """

    filterset_base = SiteFilterSet

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        filterset = self.get_filterset(request, queryset, view)
        refuse_unknown(request, known_to(view) | _names(filterset))
        _refuse_long_search(request)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise translate_validation(filterset.errors)
        return filterset.qs


def _refuse_long_search(request: Request) -> None:
    """Each word costs a look at every searched column of every row."""
    if len(request.query_params.get("search", "")) > LONGEST_SEARCH:
        rule = f"At most {LONGEST_SEARCH} characters."
        raise Invalid(f"search: {rule}", fields={"search": [rule]})


def known_to(view: Any) -> frozenset[str]:
    """The parameters a view reads beside its filters."""
    names = set(getattr(view, "query_parameters", ()))
    names |= getattr(getattr(view, "paginator", None), "parameters", frozenset())
    if getattr(view, "ordering_fields", None):
        names.add("ordering")
    if getattr(view, "search_fields", None):
        names.add("search")
    return frozenset(names)


def refuse_unknown(request: Request, known: Iterable[str]) -> None:
    """Return when every query parameter is `known`, or one that all views take.

    Raises:
        Invalid: one is not; the answer names it.
    """
    unknown = sorted(set(request.query_params) - set(known) - _ALWAYS)
    if unknown:
        raise Invalid(
            f"{unknown[0]}: Unknown query parameter.", fields={name: ["Unknown query parameter."] for name in unknown}
        )


def _names(filterset: Any) -> set[str]:
    """Every key that the filters' widgets read, such as `created_at_after` of a range."""
    if filterset is None:
        return set()
    names: set[str] = set()
    for name, declared in filterset.filters.items():
        suffixes = getattr(declared.field.widget, "suffixes", None)
        names |= {f"{name}_{suffix}" for suffix in suffixes} if suffixes else {name}
    return names
