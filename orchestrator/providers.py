"""The providers that an operator names in a file of their own: `PROVIDERS_FILE`, one TOML table each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from instances.flavours import FLAVOURS

DRIVERS = {"ec2": "instances.providers.ec2.provider.Ec2Provider"}
"""Drivers by their short names; any other is named by its dotted path."""

_OURS = {"driver", "boot_within_s", "offered", "types", "sites"}


def read(path: Path, *, defaults: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The entries of the file, as `instances.providers.registry.configure` takes them.

    `defaults` are options by a driver's short name, which an entry's own go before.

    Raises:
        ImproperlyConfigured: the file cannot be read, or an entry names no driver.
    """
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"PROVIDERS_FILE {path} cannot be read: {error}") from error
    return {name: _entry(name, table, defaults) for name, table in tables.items()}


def _entry(name: str, table: Any, defaults: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if not isinstance(table, dict) or not isinstance(table.get("driver"), str):
        raise ImproperlyConfigured(f"PROVIDERS_FILE: {name} is no table with a driver")
    if name == "local" or len(name) > 40:
        raise ImproperlyConfigured(f"PROVIDERS_FILE: {name} is no name for a provider of yours")
    driver = table["driver"]
    if "." not in driver and driver not in DRIVERS:
        raise ImproperlyConfigured(f"PROVIDERS_FILE: {name} asks for the driver {driver!r}, which nobody knows")
    own = {key: value for key, value in table.items() if key not in _OURS}
    return {
        "driver": DRIVERS.get(driver, driver),
        "boot_within_s": float(table.get("boot_within_s", 0)),
        "offered": bool(table.get("offered", True)),
        "region": str(own.get("region", "")),
        "types": _types(name, table),
        "sites": _texts(name, table, "sites"),
        "options": {**defaults.get(driver, {}), **own},
    }


def _types(name: str, table: Mapping[str, Any]) -> list[str]:
    """What the entry says, or else the flavours that have an image where not all of them have; empty: every type."""
    types = _texts(name, table, "types")
    if unknown := set(types) - set(FLAVOURS):
        raise ImproperlyConfigured(
            f"PROVIDERS_FILE: {name} names types that nobody knows: {', '.join(sorted(unknown))}"
        )
    return types or ([] if "image" in table else sorted(table.get("flavours", ())))


def _texts(name: str, table: Mapping[str, Any], key: str) -> list[str]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ImproperlyConfigured(f"PROVIDERS_FILE: {key} of {name} is no list of texts")
    return found
