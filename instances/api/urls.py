"""The routes of `/api/instances`, `/api/logs`, `/api/webhooks`, of machines that start, and of what a site uses."""

from django.urls import path

from instances.api import webhooks
from instances.api.acting import ActionView, ScreenshotView
from instances.api.bootstrap import BootstrapView
from instances.api.browser_states import BrowserStateViewSet, LoadBrowserView, SaveBrowserView
from instances.api.files import FileView
from instances.api.history import EventsView
from instances.api.logs import LogsView, LogTailView, LogView, SiteLogsView, SiteLogTailView
from instances.api.providers import ProvidersView
from instances.api.recorded import ReplayView, VideoView, ZipView
from instances.api.recordings import InstanceRecordingsView, RecordingViewSet, StopRecordingView
from instances.api.schedules import (
    OccurrencesView,
    PauseScheduleView,
    ResumeScheduleView,
    RunScheduleView,
    ScheduleViewSet,
)
from instances.api.streaming import CdpView, DriverView, FramesView, ViewView
from instances.api.templates import TemplateVersionsView, TemplateViewSet
from instances.api.usage import UsageView
from instances.api.views import (
    ExtendView,
    InstanceViewSet,
    PauseView,
    RestartView,
    ResumeView,
    RetryView,
    StartView,
    StopView,
    WaitView,
)

urlpatterns = [
    path("instances/<uuid:pk>/actions", ActionView.as_view(), name="instance-actions"),
    path("instances/<uuid:pk>/screenshot", ScreenshotView.as_view(), name="instance-screenshot"),
    path("instances", InstanceViewSet.as_view({"get": "list", "post": "create"}), name="instances"),
    path(
        "instances/<uuid:pk>",
        InstanceViewSet.as_view({"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
        name="instance",
    ),
    path("instances/<uuid:pk>/start", StartView.as_view(), name="instance-start"),
    path("instances/<uuid:pk>/stop", StopView.as_view(), name="instance-stop"),
    path("instances/<uuid:pk>/restart", RestartView.as_view(), name="instance-restart"),
    path("instances/<uuid:pk>/pause", PauseView.as_view(), name="instance-pause"),
    path("instances/<uuid:pk>/resume", ResumeView.as_view(), name="instance-resume"),
    path("instances/<uuid:pk>/retry", RetryView.as_view(), name="instance-retry"),
    path("instances/<uuid:pk>/extend", ExtendView.as_view(), name="instance-extend"),
    path("instances/<uuid:pk>/wait", WaitView.as_view(), name="instance-wait"),
    path("instances/<uuid:pk>/frames", FramesView.as_view(), name="instance-frames"),
    path("instances/<uuid:pk>/view", ViewView.as_view(), name="instance-view"),
    path("instances/<uuid:pk>/view/driver", DriverView.as_view(), name="instance-driver"),
    path("instances/<uuid:pk>/cdp", CdpView.as_view(), name="instance-cdp"),
    path("instances/<uuid:pk>/browser/save", SaveBrowserView.as_view(), name="instance-browser-save"),
    path("instances/<uuid:pk>/browser/load", LoadBrowserView.as_view(), name="instance-browser-load"),
    path("instances/<uuid:pk>/files", FileView.as_view(), name="instance-files"),
    path("instances/<uuid:pk>/events", EventsView.as_view(), name="instance-events"),
    path("instances/<uuid:pk>/logs", LogsView.as_view({"get": "list", "post": "create"}), name="instance-logs"),
    path("instances/<uuid:pk>/logs/tail", LogTailView.as_view(), name="instance-logs-tail"),
    path("instances/<uuid:pk>/recordings", InstanceRecordingsView.as_view(), name="instance-recordings"),
    path("recordings", RecordingViewSet.as_view({"get": "list"}), name="recordings"),
    path("recordings/<uuid:pk>", RecordingViewSet.as_view({"get": "retrieve", "delete": "destroy"}), name="recording"),
    path("recordings/<uuid:pk>/stop", StopRecordingView.as_view(), name="recording-stop"),
    path("recordings/<uuid:pk>/replay", ReplayView.as_view(), name="recording-replay"),
    path("recordings/<uuid:pk>/zip", ZipView.as_view(), name="recording-zip"),
    path("recordings/<uuid:pk>/video", VideoView.as_view(), name="recording-video"),
    path("webhooks", webhooks.WebhookViewSet.as_view({"get": "list", "post": "create"}), name="webhooks"),
    path(
        "webhooks/<uuid:pk>",
        webhooks.WebhookViewSet.as_view(
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
        ),
        name="webhook",
    ),
    path("webhooks/<uuid:pk>/ping", webhooks.PingView.as_view(), name="webhook-ping"),
    path("webhooks/<uuid:pk>/secret", webhooks.SecretView.as_view(), name="webhook-secret"),
    path("webhooks/<uuid:pk>/deliveries", webhooks.DeliveriesView.as_view({"get": "list"}), name="webhook-deliveries"),
    path(
        "webhooks/<uuid:pk>/deliveries/<uuid:delivery_id>/redeliver",
        webhooks.RedeliverView.as_view(),
        name="webhook-redeliver",
    ),
    path("sites/<uuid:pk>/usage", UsageView.as_view(), name="site-usage"),
    path("providers", ProvidersView.as_view(), name="providers"),
    path("system/bootstrap", BootstrapView.as_view(), name="bootstrap"),
    path("templates", TemplateViewSet.as_view({"get": "list", "post": "create"}), name="templates"),
    path(
        "templates/<uuid:pk>",
        TemplateViewSet.as_view({"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
        name="template",
    ),
    path("templates/<uuid:pk>/versions", TemplateVersionsView.as_view(), name="template-versions"),
    path("browser-states", BrowserStateViewSet.as_view({"get": "list", "post": "create"}), name="browser-states"),
    path(
        "browser-states/<uuid:pk>",
        BrowserStateViewSet.as_view(
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
        ),
        name="browser-state",
    ),
    path("schedules", ScheduleViewSet.as_view({"get": "list", "post": "create"}), name="schedules"),
    path(
        "schedules/<uuid:pk>",
        ScheduleViewSet.as_view({"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
        name="schedule",
    ),
    path("schedules/<uuid:pk>/pause", PauseScheduleView.as_view(), name="schedule-pause"),
    path("schedules/<uuid:pk>/resume", ResumeScheduleView.as_view(), name="schedule-resume"),
    path("schedules/<uuid:pk>/run", RunScheduleView.as_view(), name="schedule-run"),
    path("schedules/<uuid:pk>/occurrences", OccurrencesView.as_view(), name="schedule-occurrences"),
    path("logs", SiteLogsView.as_view({"get": "list", "post": "create"}), name="logs"),
    path("logs/tail", SiteLogTailView.as_view(), name="logs-tail"),
    path("logs/<uuid:pk>", LogView.as_view(), name="log"),
]
