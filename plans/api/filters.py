"""By what plans can be filtered."""

from __future__ import annotations

from django_filters import rest_framework as filters

from common.api.filters import SiteFilterSet
from plans.models import Plan, PlanStatus, PlanType


class PlanFilter(SiteFilterSet):
    status = filters.MultipleChoiceFilter(choices=PlanStatus.choices)
    plan_type = filters.MultipleChoiceFilter(choices=PlanType.choices)
    priority = filters.NumberFilter()
    agent_id = filters.UUIDFilter()

    class Meta:
        model = Plan
        fields: list[str] = []
