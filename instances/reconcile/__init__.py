"""One step for one instance, again and again, until it is as it is wished."""

from instances.reconcile.looking import rest, step
from instances.reconcile.table import STEPS

__all__ = ["STEPS", "rest", "step"]
