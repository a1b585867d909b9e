"""Where: the instances a site asked for, what happened to them, and what was written about them."""

from instances.models.browser_state import BrowserState
from instances.models.event import Event
from instances.models.instance import Desired, Instance, OnTimeout, Status
from instances.models.log import Level, Log, LogType
from instances.models.orphan import Orphan, OrphanReason
from instances.models.recording import LIVE, ROOT, Recording, RecordingPart, RecordingStatus
from instances.models.schedule import Occurrence, Outcome, Schedule, ScheduleAction, Trigger
from instances.models.template import Template, TemplateVersion
from instances.models.webhook import DeliveryStatus, Webhook, WebhookDelivery

__all__ = [
    "LIVE",
    "ROOT",
    "BrowserState",
    "DeliveryStatus",
    "Desired",
    "Event",
    "Instance",
    "Level",
    "Log",
    "LogType",
    "Occurrence",
    "OnTimeout",
    "Orphan",
    "OrphanReason",
    "Outcome",
    "Recording",
    "RecordingPart",
    "RecordingStatus",
    "Schedule",
    "ScheduleAction",
    "Status",
    "Template",
    "TemplateVersion",
    "Trigger",
    "Webhook",
    "WebhookDelivery",
]
