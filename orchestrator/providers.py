"""The providers that an operator names in a file of their own: `PROVIDERS_FILE`, one TOML table each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

DRIVERS = {"ec2": "instances.providers.ec2.provider.Ec2Provider"}
"""Drivers by their short names; any other is named by its dotted path."""

_OURS = {"driver", "boot_within_s"}


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
        "options": {**defaults.get(driver, {}), **own},
    }
