"""A driver with each of its calls timed, traced, and its errors counted by their kind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from common import metrics, tracing
from instances.providers.base import (
    CanFreeze,
    CanRest,
    Handle,
    OutOfCapacity,
    Provider,
    Refused,
    Sighting,
    Spec,
    Unreachable,
)

CALLS = metrics.histogram(
    "provider_call", "How long a provider took to answer.", ("provider", "call"), buckets_s=metrics.SLOW_S
)
ERRORS = metrics.counter(
    "provider_errors", "Calls that a provider did not carry out, by the kind of error.", ("provider", "call", "error")
)


def observed(driver: Provider, name: str) -> Provider:
    """`driver`, called `name`, as one that is watched; it rests and freezes machines if the driver does."""
    if isinstance(driver, CanRest) and isinstance(driver, CanFreeze):
        return _ObservedFreeze(driver, driver, driver, name)
    return _ObservedRest(driver, driver, name) if isinstance(driver, CanRest) else _Observed(driver, name)


class _Observed:
    def __init__(self, driver: Provider, name: str) -> None:
        self._driver = driver
        self._name = name

    def create(self, spec: Spec, *, token: str) -> Handle:
        with self._watched("create"):
            return self._driver.create(spec, token=token)

    def inspect(self, handle: Handle) -> Sighting:
        with self._watched("inspect"):
            return self._driver.inspect(handle)

    def destroy(self, handle: Handle) -> None:
        with self._watched("destroy"):
            self._driver.destroy(handle)

    def list_ours(self) -> Iterator[tuple[str, Handle]]:
        with self._watched("list_ours"):
            yield from self._driver.list_ours()

    @contextmanager
    def _watched(self, call: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            with tracing.span(f"provider.{call}", kind="client", provider=self._name):
                yield
        except (Unreachable, OutOfCapacity, Refused) as error:
            ERRORS.labels(self._name, call, _kind(error)).inc()
            raise
        finally:
            CALLS.labels(self._name, call).observe(time.perf_counter() - began)


class _ObservedRest(_Observed):
    def __init__(self, driver: Provider, resting: CanRest, name: str) -> None:
        super().__init__(driver, name)
        self._resting = resting

    def stop(self, handle: Handle) -> None:
        with self._watched("stop"):
            self._resting.stop(handle)

    def start(self, handle: Handle) -> None:
        with self._watched("start"):
            self._resting.start(handle)


class _ObservedFreeze(_ObservedRest):
    def __init__(self, driver: Provider, resting: CanRest, freezing: CanFreeze, name: str) -> None:
        super().__init__(driver, resting, name)
        self._freezing = freezing

    def freeze(self, handle: Handle) -> bool:
        with self._watched("freeze"):
            return self._freezing.freeze(handle)

    def thaw(self, handle: Handle) -> None:
        with self._watched("thaw"):
            self._freezing.thaw(handle)


def _kind(error: Exception) -> str:
    """One of the three that the core knows, whatever a driver derived from them."""
    kinds = (Unreachable, OutOfCapacity, Refused)
    return next(kind.__name__ for kind in kinds if isinstance(error, kind))
