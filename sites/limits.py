"""How often somebody may ask: by key, by site and by address, in sliding windows that all processes share.

`RATE_LIMITS` in the settings names the windows; where Redis is away, or they are switched off, everybody may.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from common import origin, windows
from common.errors import TooMany
from common.windows import Standing, Verdict, Window
from sites.principal import Principal

BARRED_AT_MOST_S = 60.0
_BARRED_MAX = 10_000


class RateLimited(TooMany):
    """`headers` are what the answer carries beside the refusal."""

    code = "RATE_LIMITED"

    def __init__(self, standing: Standing, headers: Mapping[str, str]) -> None:
        window = standing.window
        label = _label(window)
        message = f"Too many requests: {window.limit} in {window.window_s} seconds is the limit by {label}."
        details: dict[str, Any] = {"by": label, "limit": window.limit, "window_s": window.window_s}
        super().__init__(message, retry_after_s=standing.room_in_s, **details)
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Admitted:
    """`headers`: the `RateLimit-*` headers of the answer, none where nothing is limited. `beside`: how the windows
    stand that were counted along; None where there are none, or nobody knows."""

    headers: Mapping[str, str]
    beside: Verdict | None


def admit(principal: Principal | None) -> Mapping[str, str]:
    """Count one request of the principal, or of somebody unknown, and from the address that is being served. The
    `RateLimit-*` headers of its answer.

    Raises:
        RateLimited: one of its windows is full.
    """
    own = windows_of(principal)
    return judged(own, windows.spend(own) if own else None).headers


def windows_of(principal: Principal | None) -> list[Window]:
    """What a request of the principal, from the address that is being served, counts in."""
    return list(_windows_of(principal)) if settings.RATE_LIMITS else []


def judged(own: list[Window], verdict: Verdict | None) -> Admitted:
    """What `verdict` on a request's `own` windows, and any behind them, means for it.

    Raises:
        RateLimited: one of its own is full.
    """
    if verdict is None:
        return Admitted({}, None)
    asked = Verdict(verdict.allowed, verdict.standings[: len(own)])
    headers = _headers(asked) if own else {}
    if not verdict.allowed and any(one.remaining == 0 for one in asked.standings):
        raise RateLimited(asked.tightest, headers)
    beside = verdict.standings[len(own) :]
    return Admitted(headers, Verdict(verdict.allowed, beside) if beside else None)


def must_not_be_barred() -> None:
    """Return when the address being served has not just used up its failures; asked before a new key is looked up.

    Raises:
        RateLimited: it has, and this process has seen it.
    """
    found = _barred.get(_here() or "")
    if found is not None and found[0] > time.monotonic():
        raise found[1]


def note_failure() -> None:
    """Count one attempt to get in that failed, by the address being served.

    Raises:
        RateLimited: there were too many; new keys from there are not even looked up for a while.
    """
    here = _here()
    if here is None or "failures" not in settings.RATE_LIMITS:
        return
    verdict = windows.spend([_window("failures", here)])
    if verdict is not None and not verdict.allowed:
        refusal = RateLimited(verdict.tightest, _headers(verdict))
        if len(_barred) >= _BARRED_MAX:
            _barred.clear()
        _barred[here] = time.monotonic() + min(verdict.tightest.room_in_s, BARRED_AT_MOST_S), refusal
        raise refusal


_barred: dict[str, tuple[float, RateLimited]] = {}


def _windows_of(principal: Principal | None) -> Iterator[Window]:
    here = _here()
    if principal is None:
        if here is not None:
            yield _window("anonymous", here)
        return
    yield _window("key", principal.key_id or principal.user_id)
    yield _window("site", principal.site_id)
    if here is not None:
        yield _window("address", here)


def _window(label: str, whose: object) -> Window:
    limit, window_s = settings.RATE_LIMITS[label]
    return Window(f"{label}:{whose}", limit, window_s)


def _here() -> str | None:
    address = origin.address.get()
    return None if address is None else origin.neighbourhood(address)


def _label(window: Window) -> str:
    return window.name.partition(":")[0]


def _headers(verdict: Verdict) -> dict[str, str]:
    tightest = verdict.tightest
    policies = (f'"{_label(w)}";q={w.limit};w={w.window_s}' for w in (one.window for one in verdict.standings))
    return {
        "RateLimit-Limit": str(tightest.window.limit),
        "RateLimit-Remaining": str(tightest.remaining),
        "RateLimit-Reset": str(-(-int(tightest.room_in_s * 1000) // 1000)),
        "RateLimit-Policy": ", ".join(policies),
    }
