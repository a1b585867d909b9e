"""What: the plans that people and agents make for an instance, what they wait for, and what became of them."""

from plans.models.dependency import Dependency
from plans.models.event import PlanEvent
from plans.models.plan import Plan, PlanStatus, PlanType

__all__ = ["Dependency", "Plan", "PlanEvent", "PlanStatus", "PlanType"]
