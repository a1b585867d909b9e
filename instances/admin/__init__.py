"""The admin pages of instances. Nothing here writes a status: what is asked goes through the services."""

from instances.admin.browser_state import BrowserStateAdmin
from instances.admin.history import EventAdmin, LogAdmin
from instances.admin.instance import InstanceAdmin
from instances.admin.orphan import OrphanAdmin
from instances.admin.recording import RecordingAdmin
from instances.admin.schedules import OccurrenceAdmin, ScheduleAdmin
from instances.admin.templates import TemplateAdmin, TemplateVersionAdmin
from instances.admin.webhook import DeliveryAdmin, WebhookAdmin

__all__ = [
    "BrowserStateAdmin",
    "DeliveryAdmin",
    "EventAdmin",
    "InstanceAdmin",
    "LogAdmin",
    "OccurrenceAdmin",
    "OrphanAdmin",
    "RecordingAdmin",
    "ScheduleAdmin",
    "TemplateAdmin",
    "TemplateVersionAdmin",
    "WebhookAdmin",
]
