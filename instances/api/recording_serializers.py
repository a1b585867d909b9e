"""The JSON of recordings."""

from __future__ import annotations

from rest_framework import serializers

from common.api.serializers import StrictModelSerializer, StrictSerializer
from instances.models import Recording


class RecordingSerializer(StrictModelSerializer):
    """A recording of an instance's screen and of what was done on it."""

    site_id = serializers.UUIDField(read_only=True)
    instance_id = serializers.UUIDField(read_only=True)
    created_by = serializers.UUIDField(
        source="created_by_id", read_only=True, allow_null=True, help_text="Null: the instance's own `record` asked."
    )
    reason = serializers.CharField(read_only=True, help_text="Why it ended, in a sentence.")
    duration_ms = serializers.IntegerField(read_only=True, allow_null=True, help_text="Once it has ended.")
    frames = serializers.IntegerField(read_only=True, help_text="Pictures that are kept: one each time it changed.")
    bytes = serializers.IntegerField(read_only=True, help_text="In the object store.")
    expires_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="It is deleted then. Null while it is under way."
    )

    class Meta:
        model = Recording
        fields = (
            "id",
            "site_id",
            "instance_id",
            "created_by",
            "status",
            "reason",
            "max_fps",
            "quality",
            "max_minutes",
            "max_mib",
            "started_at",
            "ended_at",
            "duration_ms",
            "frames",
            "actions",
            "gaps",
            "bytes",
            "expires_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class NewRecordingSerializer(StrictSerializer):
    """How to record. All of it may be left out."""

    max_fps = serializers.IntegerField(
        min_value=1, max_value=10, required=False, help_text="Pictures a second while the screen changes. Default: 2."
    )
    quality = serializers.IntegerField(
        min_value=10, max_value=95, required=False, help_text="Of the JPEGs. Default: 60."
    )
    max_minutes = serializers.IntegerField(
        min_value=1, max_value=100_000, required=False, help_text="It ends then. Default: the most that may be."
    )
    max_mib = serializers.IntegerField(
        min_value=1, max_value=1_000_000, required=False, help_text="It ends there. Default: the most that may be."
    )
