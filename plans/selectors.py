"""How a site's plans are read. Called inside the site's scope."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from instances import selectors as instance_selectors
from plans.models import Plan
from sites.principal import Principal


def plans_of(principal: Principal, instance_id: UUID) -> QuerySet[Plan]:
    """An instance's plans, newest first.

    Raises:
        NotFound: no such instance in the principal's site.
    """
    principal.must("plans:read")
    instance_selectors.instance_of(principal, instance_id)
    return Plan.of(principal.site_id).filter(instance_id=instance_id).order_by("-id")
