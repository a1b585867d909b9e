"""By what instances and logs can be filtered."""

from __future__ import annotations

from django_filters import rest_framework as filters

from common.api.filters import SiteFilterSet
from instances.models import Instance, Level, Log, LogType, Status


class InstanceFilter(SiteFilterSet):
    status = filters.MultipleChoiceFilter(choices=Status.choices)
    instance_type = filters.MultipleChoiceFilter(choices=Instance.TYPES)
    name = filters.CharFilter(lookup_expr="icontains")
    user_id = filters.UUIDFilter()
    agent_id = filters.UUIDFilter()
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Instance
        fields: list[str] = []


class LogFilter(SiteFilterSet):
    log_type = filters.MultipleChoiceFilter(choices=LogType.choices)
    level = filters.MultipleChoiceFilter(choices=Level.choices)
    agent_id = filters.UUIDFilter()
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Log
        fields: list[str] = []
