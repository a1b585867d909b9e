"""What the lists of `sites` can be filtered by."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from common.api.filters import BooleanFilter, SiteFilterSet
from sites.models import Agent, ApiKey, Invitation, Membership, Site, User
from sites.models.invitation import OPEN
from sites.roles import Role


class SiteFilter(SiteFilterSet):
    class Meta:
        model = Site
        fields = {"name": ["exact", "icontains"]}


class UserFilter(SiteFilterSet):
    class Meta:
        model = User
        fields = {"email": ["exact", "icontains"], "name": ["icontains"], "is_active": ["exact"]}


class MembershipFilter(SiteFilterSet):
    user_id = filters.UUIDFilter()
    role = filters.ChoiceFilter(choices=Role.choices)

    class Meta:
        model = Membership
        fields: list[str] = []


class InvitationFilter(SiteFilterSet):
    pending = BooleanFilter(method="by_pending", label="Neither accepted, revoked nor expired")
    invited_by = filters.UUIDFilter(field_name="invited_by_id")
    role = filters.ChoiceFilter(choices=Role.choices)

    class Meta:
        model = Invitation
        fields = {"email": ["exact", "icontains"]}

    @extend_schema_field(bool)
    def by_pending(self, invitations: QuerySet[Invitation], name: str, pending: bool) -> QuerySet[Invitation]:
        waiting = invitations.filter(OPEN, expires_at__gt=timezone.now())
        return waiting if pending else invitations.exclude(pk__in=waiting.values("pk"))


class AgentFilter(SiteFilterSet):
    class Meta:
        model = Agent
        fields = {"name": ["exact", "icontains"], "is_active": ["exact"]}


class KeyFilter(SiteFilterSet):
    user_id = filters.UUIDFilter()
    agent_id = filters.UUIDFilter()
    usable = BooleanFilter(method="by_usable", label="Neither revoked nor expired")

    class Meta:
        model = ApiKey
        fields: list[str] = []

    @extend_schema_field(bool)
    def by_usable(self, keys: QuerySet[ApiKey], name: str, usable: bool) -> QuerySet[ApiKey]:
        good = keys.filter(revoked_at=None).exclude(expires_at__lte=timezone.now())
        return good if usable else keys.exclude(pk__in=good.values("pk"))
