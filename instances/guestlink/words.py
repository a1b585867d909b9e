"""What the way to guests tells its callers: an answer, who is connected, who drives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from guest.protocol.hello import Hello
from guest.protocol.results import Result


@dataclass(frozen=True, slots=True)
class Answer:
    """`blob` holds a picture's bytes where `result.image` describes one; `took_ms` is the whole round trip."""

    result: Result
    blob: bytes
    took_ms: float


@dataclass(frozen=True, slots=True)
class Presence:
    """A connected guest; `at` is when it said hello on its present connection."""

    boot_id: str
    hello: Hello
    at: datetime


class Driver(Struct, frozen=True):
    """Somebody who drives a desktop by its live view; `since` is when they took over."""

    label: str
    since: datetime
