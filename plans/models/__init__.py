"""What: the plans that people and agents make for an instance."""

from plans.models.plan import Plan, PlanStatus, PlanType

__all__ = ["Plan", "PlanStatus", "PlanType"]
