"""All machines of a deployment at once: rest them when the platform goes down, end them when it is taken away."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from instances.providers.base import CanRest, Handle, OutOfCapacity, Power, Provider, Unreachable

_AT_ONCE = 16
_LOOK_AGAIN_S = 0.05


class Restful(Provider, CanRest, Protocol):
    """A driver whose machines can rest."""


def rest_all(provider: Restful, *, within_s: float = 15.0) -> list[str]:
    """Stop every machine that runs, and wait. The tokens of those that did not come to rest in time."""
    return _all(provider, provider.stop, (Power.RESTING, Power.GONE), within_s)


def end_all(provider: Provider, *, within_s: float = 15.0) -> list[str]:
    """Destroy every machine, and wait. The tokens of those that are still there."""
    return _all(provider, provider.destroy, (Power.GONE,), within_s)


def _all(provider: Provider, order: Callable[[Handle], None], aims: tuple[Power, ...], within_s: float) -> list[str]:
    deadline = time.monotonic() + within_s
    machines = list(provider.list_ours())
    one = partial(_one, provider, order, aims, deadline)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        done = list(pool.map(one, [handle for _, handle in machines]))
    return [token for (token, _), is_done in zip(machines, done, strict=True) if not is_done]


def _one(
    provider: Provider, order: Callable[[Handle], None], aims: tuple[Power, ...], deadline: float, handle: Handle
) -> bool:
    ordered = False
    while True:
        try:
            if not ordered:
                order(handle)
                ordered = True
            if provider.inspect(handle).power in aims:
                return True
        except (Unreachable, OutOfCapacity):
            ordered = False
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_AGAIN_S)
