"""The admin pages of instances. Nothing here writes a status: what is asked goes through the services."""

from instances.admin.history import EventAdmin, LogAdmin
from instances.admin.instance import InstanceAdmin

__all__ = ["EventAdmin", "InstanceAdmin", "LogAdmin"]
