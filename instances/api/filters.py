"""By what instances, logs and webhooks can be filtered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from common.api.filters import BooleanFilter, ChoicesFilter, IntegerFilter, ListFilterSet, SiteFilterSet
from common.ids import first_id_at
from instances.models import (
    BrowserState,
    DeliveryStatus,
    Desired,
    Instance,
    Level,
    Log,
    LogType,
    Occurrence,
    OnTimeout,
    Outcome,
    Recording,
    RecordingStatus,
    Schedule,
    ScheduleAction,
    Status,
    Template,
    TemplateVersion,
    Trigger,
    Webhook,
    WebhookDelivery,
)

_APART = timedelta(minutes=1)
"""More than ever lies between the time in a row's id and its `created_at`."""
_YEAR_ONE, _YEAR_9999 = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class InstanceFilter(ListFilterSet):
    status = ChoicesFilter(choices=Status.choices)
    desired_state = ChoicesFilter(choices=Desired.choices)
    instance_type = ChoicesFilter(choices=Instance.TYPES)
    name = filters.CharFilter(lookup_expr="icontains")
    provider = filters.CharFilter()
    region = filters.CharFilter()
    user_id = filters.UUIDFilter()
    agent_id = filters.UUIDFilter()
    template_id = filters.UUIDFilter()
    created_by = filters.UUIDFilter(field_name="created_by_id")
    updated_after = filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")
    on_timeout = ChoicesFilter(choices=OnTimeout.choices)
    record = BooleanFilter()
    expires_before = filters.IsoDateTimeFilter(field_name="expires_at", lookup_expr="lt")
    active_before = filters.IsoDateTimeFilter(field_name="last_activity_at", lookup_expr="lt")

    class Meta:
        model = Instance
        fields: list[str] = []


class TemplateFilter(ListFilterSet):
    name = filters.CharFilter(lookup_expr="icontains")
    provider = filters.CharFilter()
    region = filters.CharFilter()
    instance_type = ChoicesFilter(choices=Instance.TYPES)
    on_timeout = ChoicesFilter(choices=OnTimeout.choices)
    record = BooleanFilter()
    created_by = filters.UUIDFilter(field_name="created_by_id")
    updated_after = filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Template
        fields: list[str] = []


class TemplateVersionFilter(ListFilterSet):
    number = IntegerFilter()
    provider = filters.CharFilter()
    region = filters.CharFilter()
    instance_type = ChoicesFilter(choices=Instance.TYPES)
    created_by = filters.UUIDFilter(field_name="created_by_id")

    class Meta:
        model = TemplateVersion
        fields: list[str] = []


class BrowserStateFilter(ListFilterSet):
    name = filters.CharFilter(lookup_expr="icontains")
    host = filters.CharFilter(field_name="hosts", method="of_host", label="Whose cookies or storage it has")
    instance_id = filters.UUIDFilter()
    created_by = filters.UUIDFilter(field_name="created_by_id")
    updated_after = filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = BrowserState
        fields: list[str] = []

    def of_host(self, states: QuerySet[BrowserState], name: str, host: str) -> QuerySet[BrowserState]:
        return states.filter(hosts__contains=[host])


class ScheduleFilter(ListFilterSet):
    name = filters.CharFilter(lookup_expr="icontains")
    template_id = filters.UUIDFilter()
    action = ChoicesFilter(choices=ScheduleAction.choices)
    user_id = filters.UUIDFilter()
    paused = BooleanFilter()
    due_before = filters.IsoDateTimeFilter(field_name="next_at", lookup_expr="lt")
    updated_after = filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Schedule
        fields: list[str] = []


class OccurrenceFilter(ListFilterSet):
    status = ChoicesFilter(choices=Outcome.choices)
    trigger = ChoicesFilter(choices=Trigger.choices)
    due_after = filters.IsoDateTimeFilter(field_name="due_at", lookup_expr="gte")

    class Meta:
        model = Occurrence
        fields: list[str] = []


class RecordingFilter(ListFilterSet):
    """Of one instance's recordings."""

    status = ChoicesFilter(choices=RecordingStatus.choices)
    created_by = filters.UUIDFilter(field_name="created_by_id")
    started_after = filters.IsoDateTimeFilter(field_name="started_at", lookup_expr="gte")
    started_before = filters.IsoDateTimeFilter(field_name="started_at", lookup_expr="lt")
    ended_after = filters.IsoDateTimeFilter(field_name="ended_at", lookup_expr="gte")
    expires_before = filters.IsoDateTimeFilter(field_name="expires_at", lookup_expr="lt")
    updated_after = filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Recording
        fields: list[str] = []


class SiteRecordingFilter(RecordingFilter):
    instance_id = filters.UUIDFilter()


class TailFilter(SiteFilterSet):
    """What a live tail can be narrowed to, too."""

    log_type = ChoicesFilter(choices=LogType.choices)
    level = ChoicesFilter(choices=Level.choices)

    class Meta:
        model = Log
        fields: list[str] = []


class LogFilter(TailFilter):
    """Moments also bound the id, whose time is the entry's: that rules out months and reads the rest by index."""

    agent_id = filters.UUIDFilter()
    user_id = filters.UUIDFilter()
    parent_log = filters.UUIDFilter(field_name="parent_log_id")
    tool_name = filters.CharFilter()
    tool_call_id = filters.CharFilter()
    is_error = BooleanFilter()
    search = filters.CharFilter(method="by_text", max_length=200, label="In the message or the tool's name")
    created_after = filters.IsoDateTimeFilter(method="since")
    created_before = filters.IsoDateTimeFilter(method="until")

    def by_text(self, logs: QuerySet[Log], name: str, text: str) -> QuerySet[Log]:
        return logs.filter(Q(message__icontains=text) | Q(tool_name__icontains=text))

    def since(self, logs: QuerySet[Log], name: str, moment: datetime) -> QuerySet[Log]:
        return logs.filter(created_at__gte=moment, id__gte=first_id_at(max(moment, _YEAR_ONE) - _APART))

    def until(self, logs: QuerySet[Log], name: str, moment: datetime) -> QuerySet[Log]:
        return logs.filter(created_at__lt=moment, id__lt=first_id_at(min(moment, _YEAR_9999) + _APART))


class SiteLogFilter(LogFilter):
    instance_id = filters.UUIDFilter()


class WebhookFilter(ListFilterSet):
    url = filters.CharFilter(lookup_expr="icontains")
    is_active = BooleanFilter()
    is_failing = BooleanFilter(field_name="failing_since", lookup_expr="isnull", exclude=True, label="Fails just now")
    created_by = filters.UUIDFilter(field_name="created_by_id")
    updated_after = filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Webhook
        fields: list[str] = []


class DeliveryFilter(ListFilterSet):
    status = ChoicesFilter(choices=DeliveryStatus.choices)
    kind = filters.CharFilter()
    instance_id = filters.UUIDFilter(field_name="subject")
    message_id = filters.UUIDFilter(label="Without its msg_.")

    class Meta:
        model = WebhookDelivery
        fields: list[str] = []
