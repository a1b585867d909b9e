"""What may be asked about plans."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from common.tenancy import site_scope
from instances import selectors as instance_selectors
from plans.models import Plan
from sites.principal import Principal


def write_plan(principal: Principal, instance_id: UUID, **fields: Any) -> Plan:
    """Add a plan to an instance; site and user come from the instance and the caller.

    Raises:
        Forbidden: the principal may not write plans.
        NotFound: no such instance in the principal's site.
    """
    principal.must("plans:write")
    with site_scope(principal.site_id):
        instance_selectors.instance_of(principal, instance_id)
        plan = Plan(
            site_id=principal.site_id,
            instance_id=instance_id,
            user_id=principal.user_id,
            agent_id=principal.agent_id,
            **fields,
        )
        plan.save(force_insert=True, using="default")
        return plan
