"""The limits of what a tenant may write into a spec, and what is wrong with one, for the API and the admin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from instances.models.instance import ENVIRONMENT_CHARACTERS, ENVIRONMENT_NAMES
from instances.timelimits import HOUR_MS

CONFIGURATION_BYTES = 16 * 1024
SCRIPT_CHARACTERS = 64 * 1024
VALUE_CHARACTERS = 32 * 1024
DESCRIPTION_CHARACTERS = 10_000
REQUIRED_NAMES = 100
TOOLS = ["bash", "computer", "edit"]
SHORTEST_MS, LONGEST_MS = 1000, 366 * 24 * HOUR_MS
IDLE_MINUTES = (1, 10_080)
POOL_SIZES = (0, 1000)
INTERVALS_S = (60, 366 * 86_400)
RANGES: dict[str, tuple[int, int]] = {
    "width": (320, 3840),
    "height": (240, 2160),
    "memory_mib": (256, 16_384),
    "disk_mib": (64, 65_536),
}
ON_LOSS = ("error", "replace")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def is_name_of_variable(text: str) -> bool:
    """Whether an environment variable could be called so."""
    return _NAME.fullmatch(text) is not None


def problems_of_configuration(value: Mapping[str, Any]) -> list[str] | dict[str, str]:
    """What is wrong with a configuration, as a whole or by its keys; nothing where it may be."""
    if len(orjson.dumps(value)) > CONFIGURATION_BYTES:
        return [f"At most {CONFIGURATION_BYTES} bytes."]
    return {key: problem for key in value if (problem := _problem(key, value[key]))}


def problems_of_environment(value: Mapping[str, str]) -> list[str] | dict[str, str]:
    """The same of environment variables; no value stands in it."""
    if len(value) > ENVIRONMENT_NAMES:
        return [f"At most {ENVIRONMENT_NAMES} variables."]
    if sum(len(name) + len(text) for name, text in value.items()) > ENVIRONMENT_CHARACTERS:
        return [f"At most {ENVIRONMENT_CHARACTERS} characters in all."]
    return {name[:128]: "Not a variable's name." for name in value if not is_name_of_variable(name)}


def _problem(key: str, value: Any) -> str:
    if key in RANGES:
        low, high = RANGES[key]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            return f"A whole number from {low} to {high}."
    if key == "on_loss" and value not in ON_LOSS:
        return "One of: " + ", ".join(ON_LOSS) + "."
    return ""
