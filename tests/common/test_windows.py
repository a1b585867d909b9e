"""Sliding windows: never more than the limit in any stretch of their length, in one step, and no harm without Redis."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
import redis
from django.conf import settings

from common import windows
from common.windows import Window
from tests import make

pytestmark = pytest.mark.django_db


def _name() -> str:
    return make.new_id().hex


class Clock:
    """The script's own text with another clock in it: Redis's cannot be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ms = 1_700_000_000_000
        client = redis.Redis.from_url(settings.REDIS_URL)
        script = client.register_script(
            windows._SCRIPT.replace("redis.call('TIME')", "{tonumber(ARGV[#ARGV]) / 1000, 0}")
        )

        def run(keys: list[str], args: list[int]) -> list[int]:
            return script(keys=keys, args=[*args, self.now_ms])

        monkeypatch.setattr(windows, "_script", lambda url: run)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    yield Clock(monkeypatch)


def _allowed(*asked: Window) -> bool:
    verdict = windows.spend(asked)
    assert verdict is not None
    return verdict.allowed


def test_a_window_takes_its_limit_and_no_more(clock: Clock) -> None:
    window = Window(_name(), 5, 60)
    assert [_allowed(window) for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now_ms += 59_000
    assert not _allowed(window), "the end of one minute and the beginning of the next are no two minutes"
    clock.now_ms += 7_001
    assert _allowed(window)


def test_no_stretch_of_the_windows_length_holds_more_than_the_limit(clock: Clock) -> None:
    window, taken = Window(_name(), 20, 10), []
    for number in count():
        clock.now_ms += 37 + (number * 7919) % 211
        if _allowed(window):
            taken.append(clock.now_ms)
        if len(taken) >= 200:
            break
    most = max(sum(start <= moment < start + 10_000 for moment in taken) for start in taken)
    assert most == 20
    assert number < 20_000


def test_a_refusal_says_when_there_is_room_and_costs_nothing(clock: Clock) -> None:
    window = Window(_name(), 2, 10)
    assert [_allowed(window) for _ in range(2)] == [True, True]
    refused = windows.spend([window])
    assert refused is not None and not refused.allowed and refused.tightest.remaining == 0
    clock.now_ms += int(refused.tightest.room_in_s * 1000) - 1
    assert not _allowed(window)
    clock.now_ms += 1
    assert _allowed(window)


def test_of_several_windows_all_are_counted_or_none(clock: Clock) -> None:
    narrow, wide = Window(_name(), 1, 60), Window(_name(), 10, 60)
    assert _allowed(narrow, wide)
    refused = windows.spend([narrow, wide])
    assert refused is not None and refused.tightest.window is narrow
    looked = windows.spend([wide], cost=0)
    assert looked is not None and looked.tightest.used == 1


def test_a_crowd_gets_exactly_the_limit() -> None:
    window, together = Window(_name(), 40, 60), threading.Barrier(8)

    def crowd(_: int) -> int:
        together.wait(10)
        return sum(_allowed(window) for _ in range(25))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(crowd, range(8))) == 40


def test_without_redis_nothing_is_limited_and_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    windows._script.cache_clear()
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")
    try:
        assert [windows.spend([Window(_name(), 1, 60)]) for _ in range(50)] == [None] * 50
        assert windows._silence.holds(), "Redis is asked again each time"
    finally:
        windows._script.cache_clear()
        windows._silence._until = 0.0
