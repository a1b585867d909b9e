"""What a tenant may write into an instance's free fields, checked key by key."""

from __future__ import annotations

import re
from typing import Any

import orjson
from rest_framework import serializers

from common.api.serializers import StrictSerializer
from instances.models.instance import ENVIRONMENT_CHARACTERS, ENVIRONMENT_NAMES
from instances.timelimits import HOUR_MS

CONFIGURATION_BYTES = 16 * 1024
LONGEST_MS = 366 * 24 * HOUR_MS
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")

RANGES: dict[str, tuple[int, int]] = {
    "width": (320, 3840),
    "height": (240, 2160),
    "memory_mib": (256, 16_384),
    "disk_mib": (64, 65_536),
}
ON_LOSS = ("error", "replace")


class ConfigurationField(serializers.DictField):
    """The spec of the machine. `width`, `height` (pixels), `memory_mib`, `disk_mib` and `on_loss` mean something to us;
    other keys are the caller's own and come back as they were sent."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value: dict[str, Any] = super().to_internal_value(data)
        if len(orjson.dumps(value)) > CONFIGURATION_BYTES:
            raise serializers.ValidationError(f"At most {CONFIGURATION_BYTES} bytes.")
        problems = {key: problem for key in value if (problem := _problem(key, value[key]))}
        if problems:
            raise serializers.ValidationError(problems)
        return value


class TimeLimitFields(StrictSerializer):
    """How long each run may last, in whichever unit the caller likes; what is valid has `timeout_ms` only."""

    timeout_ms = serializers.IntegerField(
        min_value=1000, max_value=LONGEST_MS, allow_null=True, help_text="Of each run. `null`: no limit."
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

    child = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=32 * 1024)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        value: dict[str, str] = super().to_internal_value(data)
        if any(not isinstance(text, str) for text in data.values()):
            raise serializers.ValidationError("Every value must be a string.")
        if len(value) > ENVIRONMENT_NAMES:
            raise serializers.ValidationError(f"At most {ENVIRONMENT_NAMES} variables.")
        if sum(len(name) + len(text) for name, text in value.items()) > ENVIRONMENT_CHARACTERS:
            raise serializers.ValidationError(f"At most {ENVIRONMENT_CHARACTERS} characters in all.")
        wrong = [name for name in value if not _NAME.fullmatch(name)]
        if wrong:
            raise serializers.ValidationError({name[:128]: "Not a variable's name." for name in wrong})
        return value


def name_of_variable(text: str) -> None:
    """Raises ValidationError where no environment variable could be called so."""
    if not _NAME.fullmatch(text):
        raise serializers.ValidationError("Not a variable's name.")


def _problem(key: str, value: Any) -> str:
    if key in RANGES:
        low, high = RANGES[key]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            return f"A whole number from {low} to {high}."
    if key == "on_loss" and value not in ON_LOSS:
        return "One of: " + ", ".join(ON_LOSS) + "."
    return ""
