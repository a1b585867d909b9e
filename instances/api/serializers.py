"""Instances, events, logs and actions as JSON: what a client may send, and what it gets."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from common.api.serializers import NumberedEventSerializer, StrictModelSerializer
from instances.api.fields import ConfigurationField, EnvironmentField, TimeLimitFields
from instances.flavours import DEFAULT_FLAVOUR
from instances.models import Desired, Event, Instance, Level, Log, LogType, OnTimeout
from instances.specs import IDLE_MINUTES, SCRIPT_CHARACTERS, TOOLS

INTENTS = [Desired.RUNNING, Desired.STOPPED]


class InstanceSerializer(StrictModelSerializer):
    """An instance as it is answered. Of its environment only the names are told."""

    site_id = serializers.UUIDField(read_only=True)
    user_id = serializers.UUIDField(read_only=True)
    agent_id = serializers.UUIDField(read_only=True, allow_null=True)
    created_by = serializers.UUIDField(source="created_by_id", read_only=True)
    environment_variables = serializers.ListField(
        child=serializers.CharField(), source="environment_names", read_only=True, help_text="Names only."
    )
    template_id = serializers.UUIDField(read_only=True, allow_null=True)
    provider_ref = serializers.CharField(read_only=True, allow_null=True, help_text="The machine's name there.")
    timeout_hours = serializers.FloatField(read_only=True, allow_null=True, help_text="`timeout_ms` in hours.")
    cdp_url = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="Of a running browser, read by itself: a signed WebSocket for DevTools clients. In lists null.",
    )

    class Meta:
        model = Instance
        fields = (
            "id",
            "name",
            "instance_type",
            "status",
            "status_reason",
            "desired_state",
            "site_id",
            "user_id",
            "agent_id",
            "created_by",
            "configuration",
            "environment_variables",
            "tools_enabled",
            "template_id",
            "template_version",
            "timeout_ms",
            "timeout_hours",
            "on_timeout",
            "idle_stop_minutes",
            "record",
            "expires_at",
            "provider",
            "region",
            "provider_ref",
            "cdp_url",
            "incarnation",
            "generation",
            "last_screenshot_at",
            "last_activity_at",
            "total_commands_executed",
            "created_at",
            "updated_at",
            "started_at",
            "stopped_at",
        )
        read_only_fields = fields


class PlaceFields(serializers.Serializer):
    """Where a machine is to be made. What may be chosen stands at `/api/providers`."""

    provider = serializers.CharField(
        max_length=40, allow_blank=True, help_text="A provider's name. Default: the first one that fits."
    )
    region = serializers.CharField(max_length=40, allow_blank=True, help_text="A region's name. Default: any.")


class SpecBody(TimeLimitFields):
    """What an instance is to be, in its own body and in a template's. Everything is optional but `must_have`."""

    must_have: frozenset[str] = frozenset()
    configuration = ConfigurationField()
    environment_variables = EnvironmentField(write_only=True)
    tools_enabled = serializers.ListField(child=serializers.ChoiceField(TOOLS), max_length=len(TOOLS))
    startup_script = serializers.CharField(
        max_length=SCRIPT_CHARACTERS,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Run by the machine's shell each time it comes up; its output goes into the log.",
    )
    on_timeout = serializers.ChoiceField(OnTimeout.choices, help_text="What the time limit does. Default: `stop`.")
    idle_stop_minutes = serializers.IntegerField(
        min_value=IDLE_MINUTES[0],
        max_value=IDLE_MINUTES[1],
        allow_null=True,
        help_text="Stop it when unused for so long. `null`: never.",
    )

    record = serializers.BooleanField(help_text="Record each of its runs. Default: false.")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name, field in fields.items():
            field.required = name in self.must_have
        return fields


class _InstanceBody(SpecBody):
    name = serializers.CharField(max_length=200)
    user_id = serializers.UUIDField(help_text="A member of the site. Default: the caller.")
    agent_id = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(
        INTENTS, source="desired_state", help_text="Read as a wish: `running` or `stopped`; it never sets the status."
    )


class NewInstanceSerializer(PlaceFields, _InstanceBody):
    """The body of POST. `site_id` is read at the door: a key has one site, a session may name one."""

    must_have = frozenset({"name"})
    site_id = serializers.UUIDField(write_only=True)
    instance_type = serializers.ChoiceField(
        Instance.TYPES, help_text=f"Default: the template's, without one `{DEFAULT_FLAVOUR}`."
    )
    template = serializers.CharField(
        max_length=220,
        write_only=True,
        help_text="A template's name or id, with `@version` for an older one. What the body says goes before it.",
    )


class ChangedInstanceSerializer(_InstanceBody):
    """The body of PUT and PATCH, which mean the same: what is not sent stays."""


class ExtensionSerializer(TimeLimitFields):
    """The body of an extension: from now on, so long. Without either, the instance's own time limit again."""

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for field in fields.values():
            field.required = field.allow_null = False
        return fields


class EventSerializer(NumberedEventSerializer):
    instance_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = Event
        fields = ("id", "instance_id", "number", "kind", "status_from", "status", "message", "data", "created_at")
        read_only_fields = fields


class LogSerializer(StrictModelSerializer):
    """An entry of an instance's log."""

    site_id = serializers.UUIDField(read_only=True)
    instance_id = serializers.UUIDField(read_only=True)
    user_id = serializers.UUIDField(read_only=True, allow_null=True)
    agent_id = serializers.UUIDField(read_only=True, allow_null=True)
    parent_log = serializers.UUIDField(source="parent_log_id", required=False, allow_null=True)
    log_type = serializers.ChoiceField(LogType.choices)
    level = serializers.ChoiceField(Level.choices, default=Level.INFO)
    message = serializers.CharField(max_length=64 * 1024, trim_whitespace=False)
    details = serializers.DictField(required=False)
    tool_args = serializers.DictField(required=False)
    tool_result = serializers.DictField(required=False)
    tokens_used = serializers.DictField(required=False)
    artifacts = serializers.ListField(required=False, max_length=100)

    class Meta:
        model = Log
        fields = (
            "id",
            "site_id",
            "instance_id",
            "user_id",
            "agent_id",
            "parent_log",
            "log_type",
            "level",
            "message",
            "details",
            "tool_name",
            "tool_call_id",
            "tool_args",
            "tool_result",
            "is_error",
            "duration_ms",
            "tokens_used",
            "artifacts",
            "created_at",
        )
        read_only_fields = ("id", "created_at")


class PlacedLogSerializer(LogSerializer):
    """An entry that says itself which instance it is about."""

    instance_id = serializers.UUIDField()


class WrittenSerializer(serializers.Serializer):
    """The answer to a list of entries: their ids, in the order sent."""

    count = serializers.IntegerField()
    ids = serializers.ListField(child=serializers.UUIDField())


class CdpSerializer(serializers.Serializer):
    """Where DevTools clients connect. Keep it like a key: whoever has it drives the browser until it expires."""

    cdp_url = serializers.CharField(help_text="A WebSocket's address, the whole browser's.")
    http_url = serializers.CharField(help_text="Below it answer /json/version, /json/list and /json/new.")
    expires_at = serializers.DateTimeField(help_text="Until then it lets clients in; connections live on.")


class FramesSerializer(serializers.Serializer):
    """Where the screen comes as pictures. Keep it like a key: whoever has it sees the screen."""

    url = serializers.CharField(help_text="A WebSocket's address. `?max_fps=` 1 to 30 (5), `?quality=` 1 to 100 (70).")
    events_url = serializers.CharField(help_text="The same as server-sent events, each JPEG in base64.")
    expires_at = serializers.DateTimeField(help_text="Until then it lets watchers in; connections live on.")


class ViewSerializer(serializers.Serializer):
    """A link to the live view. Its token stands in the fragment, so no server's log has it; keep it all the same."""

    url = serializers.CharField()
    mode = serializers.ChoiceField(["watch", "drive"], help_text="What the page may do at most.")
    expires_at = serializers.DateTimeField(help_text="Open it until then. An open page goes on for up to 12 hours.")


class WhoDrivesSerializer(serializers.Serializer):
    name = serializers.CharField(help_text="A person's name or email, or an agent's name.")
    since = serializers.DateTimeField()


class DriverSerializer(serializers.Serializer):
    driver = WhoDrivesSerializer(allow_null=True)


class ImageSerializer(serializers.Serializer):
    format = serializers.ChoiceField(["png", "jpeg"])
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    base64 = serializers.CharField()


class CursorSerializer(serializers.Serializer):
    x = serializers.IntegerField()
    y = serializers.IntegerField()


class ShellSerializer(serializers.Serializer):
    stdout = serializers.CharField()
    stderr = serializers.CharField()
    exit_code = serializers.IntegerField(allow_null=True)
    timed_out = serializers.BooleanField()
    truncated = serializers.BooleanField()


class FileSerializer(serializers.Serializer):
    """`text` of a file that was read and is UTF-8, else `base64`."""

    path = serializers.CharField()
    size = serializers.IntegerField(help_text="Of the whole file.")
    offset = serializers.IntegerField()
    text = serializers.CharField(required=False)
    base64 = serializers.CharField(required=False)


class WrittenFileSerializer(serializers.Serializer):
    path = serializers.CharField()
    size = serializers.IntegerField()
    offset = serializers.IntegerField()
    log_id = serializers.UUIDField()


class FolderEntrySerializer(serializers.Serializer):
    name = serializers.CharField()
    kind = serializers.ChoiceField(["file", "folder", "other"])
    size = serializers.IntegerField()


class FaultSerializer(serializers.Serializer):
    """Why one action of several failed."""

    error = serializers.CharField()
    code = serializers.CharField()
    details = serializers.DictField()


class DoneSerializer(serializers.Serializer):
    """An action's result: `cursor`, `image` and `shell` are null where it has none; the rest is there or not."""

    type = serializers.CharField()
    log_id = serializers.UUIDField()
    duration_ms = serializers.FloatField()
    cursor = CursorSerializer(allow_null=True)
    image = ImageSerializer(allow_null=True)
    shell = ShellSerializer(allow_null=True)
    text = serializers.CharField(required=False, help_text="What an edit has to say.")
    file = FileSerializer(required=False)
    entries = FolderEntrySerializer(many=True, required=False)
    environment = serializers.DictField(child=serializers.CharField(), required=False)
    url = serializers.CharField(required=False)


class BatchedSerializer(serializers.Serializer):
    """One of several: as if it had been asked alone, or its `error`."""

    type = serializers.CharField()
    log_id = serializers.UUIDField(required=False)
    duration_ms = serializers.FloatField(required=False)
    cursor = CursorSerializer(allow_null=True, required=False)
    image = ImageSerializer(allow_null=True, required=False)
    shell = ShellSerializer(allow_null=True, required=False)
    error = FaultSerializer(required=False)


class BatchDoneSerializer(serializers.Serializer):
    """What came of each action that was begun, in order, and the picture at the end."""

    results = BatchedSerializer(many=True)
    screenshot = DoneSerializer(allow_null=True)
