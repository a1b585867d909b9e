"""By what plans can be filtered."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from common import clock
from common.api.filters import BooleanFilter, ChoicesFilter, IntegerFilter, ListFilterSet
from plans.lifecycle import OVER
from plans.models import Dependency, Plan, PlanStatus, PlanType


class PlanFilter(ListFilterSet):
    instance_id = filters.UUIDFilter()
    user_id = filters.UUIDFilter()
    agent_id = filters.UUIDFilter()
    parent_id = filters.UUIDFilter()
    depends_on = filters.UUIDFilter(method="by_need", label="Waits for this plan")
    status = ChoicesFilter(choices=PlanStatus.choices)
    plan_type = ChoicesFilter(choices=PlanType.choices)
    priority = IntegerFilter()
    priority_at_least = IntegerFilter(field_name="priority", lookup_expr="gte")
    due_after = filters.IsoDateTimeFilter(field_name="due_at", lookup_expr="gte")
    due_before = filters.IsoDateTimeFilter(field_name="due_at", lookup_expr="lt")
    overdue = BooleanFilter(method="by_overdue", label="Due before now, and not over")

    class Meta:
        model = Plan
        fields: list[str] = []

    def by_need(self, plans: QuerySet[Plan], name: str, needs_id: UUID) -> QuerySet[Plan]:
        links = Dependency.of(self.request.auth.site_id)
        return plans.filter(Exists(links.filter(plan_id=OuterRef("pk"), needs_id=needs_id)))

    @extend_schema_field(bool)
    def by_overdue(self, plans: QuerySet[Plan], name: str, overdue: bool) -> QuerySet[Plan]:
        late = plans.filter(due_at__lt=clock.now()).exclude(status__in=OVER)
        return late if overdue else plans.exclude(pk__in=late.order_by().values("pk"))
