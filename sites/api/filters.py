"""What the lists of `sites` can be filtered by."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from common.api.filters import BooleanFilter, ChoicesFilter, ListFilterSet
from sites.models import Agent, ApiKey, AuditEntry, Invitation, Membership, Site, User
from sites.models.invitation import OPEN
from sites.roles import Role


class SiteFilter(ListFilterSet):
    updated_after = filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Site
        fields = {"name": ["exact", "icontains"], "time_zone": ["exact"]}


class UserFilter(ListFilterSet):
    class Meta:
        model = User
        fields = {"email": ["exact", "icontains"], "name": ["exact", "icontains"], "is_active": ["exact"]}


class MembershipFilter(ListFilterSet):
    user_id = filters.UUIDFilter()
    role = ChoicesFilter(choices=Role.choices)

    class Meta:
        model = Membership
        fields: list[str] = []


class InvitationFilter(ListFilterSet):
    pending = BooleanFilter(method="by_pending", label="Neither accepted, revoked nor expired")
    invited_by = filters.UUIDFilter(field_name="invited_by_id")
    role = ChoicesFilter(choices=Role.choices)

    class Meta:
        model = Invitation
        fields = {"email": ["exact", "icontains"]}

    @extend_schema_field(bool)
    def by_pending(self, invitations: QuerySet[Invitation], name: str, pending: bool) -> QuerySet[Invitation]:
        waiting = invitations.filter(OPEN, expires_at__gt=timezone.now())
        return waiting if pending else invitations.exclude(pk__in=waiting.values("pk"))


class AuditFilter(ListFilterSet):
    user_id = filters.UUIDFilter()
    agent_id = filters.UUIDFilter()
    key_id = filters.UUIDFilter()

    class Meta:
        model = AuditEntry
        fields = {
            "action": ["exact", "startswith"],
            "via": ["exact"],
            "target_type": ["exact"],
            "target_id": ["exact"],
            "target_name": ["exact"],
            "address": ["exact"],
            "request_id": ["exact"],
        }


class AgentFilter(ListFilterSet):
    updated_after = filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Agent
        fields = {"name": ["exact", "icontains"], "is_active": ["exact"]}


class KeyFilter(ListFilterSet):
    user_id = filters.UUIDFilter()
    agent_id = filters.UUIDFilter()
    usable = BooleanFilter(method="by_usable", label="Neither revoked nor expired")
    expires_before = filters.IsoDateTimeFilter(field_name="expires_at", lookup_expr="lt")
    last_used_before = filters.IsoDateTimeFilter(
        method="by_idle", label="Not used since that moment, or never", field_name="last_used_at"
    )

    class Meta:
        model = ApiKey
        fields = {"name": ["exact", "icontains"], "prefix": ["exact"]}

    @extend_schema_field(bool)
    def by_usable(self, keys: QuerySet[ApiKey], name: str, usable: bool) -> QuerySet[ApiKey]:
        good = keys.filter(revoked_at=None).exclude(expires_at__lte=timezone.now())
        return good if usable else keys.exclude(pk__in=good.values("pk"))

    def by_idle(self, keys: QuerySet[ApiKey], name: str, moment: datetime) -> QuerySet[ApiKey]:
        return keys.filter(Q(last_used_at=None) | Q(last_used_at__lt=moment))
