"""Providers by name. The composition root fills it from settings; a driver is built when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from threading import Lock
from typing import Any

from instances.providers.base import Provider, Refused


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider as tenants see it. No `types` or no `sites`: every one of them. An empty `region`: it has none."""

    name: str
    region: str = ""
    types: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()

    def makes(self, flavour: str) -> bool:
        return not self.types or flavour in self.types

    def is_for(self, site: str) -> bool:
        return not self.sites or site in self.sites


_configs: dict[str, Mapping[str, Any]] = {}
_drivers: dict[str, Provider] = {}
_lock = Lock()


def configure(configs: Mapping[str, Mapping[str, Any]]) -> None:
    """Take `{"name": {"driver": "dotted.path.Class", "options": {…}}}`; drivers built before are let go.

    `boot_within_s` beside them is how much longer than a local sandbox its machines may take until their guest answers,
    and until they have stopped;
    `offered` whether tenants may choose it, and `region`, `types` and `sites` are what its `Offer` says.
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
    """How much longer than a local sandbox machines of the provider called `name` may take to come up, or to stop."""
    return float(_configs.get(name, {}).get("boot_within_s", 0.0))


def offer(name: str) -> Offer:
    """What the provider called `name` offers, whether tenants may choose it or not."""
    config = _configs.get(name, {})
    types, sites = frozenset(config.get("types", ())), frozenset(config.get("sites", ()))
    return Offer(name, str(config.get("region", "")), types, sites)


def offered() -> list[Offer]:
    """The providers that tenants may choose, in the order of their entries."""
    return [offer(name) for name, config in _configs.items() if config.get("offered")]


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
