"""Providers by name. The composition root fills it from settings; a driver is built when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from threading import Lock
from typing import Any

from instances.providers.base import Provider, Refused

_configs: dict[str, Mapping[str, Any]] = {}
_drivers: dict[str, Provider] = {}
_lock = Lock()


def configure(configs: Mapping[str, Mapping[str, Any]]) -> None:
    """Take `{"name": {"driver": "dotted.path.Class", "options": {…}}}`; drivers built before are let go.

    `boot_within_s` beside them is how much longer than a local sandbox its machines may take until their guest answers.
    """
    with _lock:
        _configs.clear()
        _configs.update(configs)
        _drivers.clear()


def install(name: str, provider: Provider) -> None:
    """Put a ready driver under `name`; how tests plug in their own."""
    with _lock:
        _drivers[name] = provider


def provider(name: str) -> Provider:
    """The driver called `name`.

    Raises:
        Refused: no provider of that name is configured (any more), or not in a way that it can be built.
    """
    with _lock:
        if name not in _drivers:
            if name not in _configs:
                raise Refused(f"no provider is called {name!r} here")
            _drivers[name] = _build(name, _configs[name])
        return _drivers[name]


def boot_within_s(name: str) -> float:
    """How much longer than a local sandbox the machines of the provider called `name` may take to come up."""
    return float(_configs.get(name, {}).get("boot_within_s", 0.0))


def names() -> Iterator[str]:
    """The names of all configured providers."""
    return iter({**_configs, **_drivers})


def _build(name: str, config: Mapping[str, Any]) -> Provider:
    module, _, attribute = str(config["driver"]).rpartition(".")
    try:
        driver: Provider = getattr(import_module(module), attribute)(**config.get("options", {}))
    except (ImportError, AttributeError, TypeError) as error:
        raise Refused(f"provider {name!r} is not configured rightly") from error
    return driver
