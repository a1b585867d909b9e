"""What a tenant may write into an instance's free fields, checked key by key."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from common.api.serializers import StrictSerializer
from instances import specs
from instances.specs import LONGEST_MS, SHORTEST_MS
from instances.timelimits import HOUR_MS


class ConfigurationField(serializers.DictField):
    """The spec of the machine. `width`, `height` (pixels), `memory_mib`, `disk_mib` and `on_loss` mean something to us;
    other keys are the caller's own and come back as they were sent."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value: dict[str, Any] = super().to_internal_value(data)
        if problems := specs.problems_of_configuration(value):
            raise serializers.ValidationError(problems)
        return value


class TimeLimitFields(StrictSerializer):
    """How long each run may last, in whichever unit the caller likes; what is valid has `timeout_ms` only."""

    timeout_ms = serializers.IntegerField(
        min_value=SHORTEST_MS, max_value=LONGEST_MS, allow_null=True, help_text="Of each run. `null`: no limit."
    )
    timeout_hours = serializers.FloatField(
        min_value=1 / 3600, max_value=LONGEST_MS / HOUR_MS, allow_null=True, help_text="The same, in hours."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if {"timeout_ms", "timeout_hours"} <= attrs.keys():
            raise serializers.ValidationError({"timeout_hours": ["Send this or timeout_ms, not both."]})
        if "timeout_hours" in attrs:
            hours = attrs.pop("timeout_hours")
            attrs["timeout_ms"] = None if hours is None else round(hours * HOUR_MS)
        return attrs


class EnvironmentField(serializers.DictField):
    """Environment variables of the machine's shells. Write-only: replies give the names."""

    child = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=specs.VALUE_CHARACTERS)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        value: dict[str, str] = super().to_internal_value(data)
        if any(not isinstance(text, str) for text in data.values()):
            raise serializers.ValidationError("Every value must be a string.")
        if problems := specs.problems_of_environment(value):
            raise serializers.ValidationError(problems)
        return value


def name_of_variable(text: str) -> None:
    """Raises ValidationError where no environment variable could be called so."""
    if not specs.is_name_of_variable(text):
        raise serializers.ValidationError("Not a variable's name.")
