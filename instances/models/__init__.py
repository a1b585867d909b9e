"""Where: the instances a site asked for, what happened to them, and what was written about them."""

from instances.models.event import Event
from instances.models.instance import Desired, Instance, OnTimeout, Status
from instances.models.log import Level, Log, LogType

__all__ = ["Desired", "Event", "Instance", "Level", "Log", "LogType", "OnTimeout", "Status"]
