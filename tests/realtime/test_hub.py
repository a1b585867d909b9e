"""The hub against a real Valkey: everybody is woken, nothing leaks, and an outage is survived."""

from __future__ import annotations

import asyncio
import time

import pytest

from common.realtime.hub import Hub, Listener
from common.realtime.publish import nudge, nudge_soon
from tests.realtime.conftest import Broker
from tests.realtime.rows import eventually


async def subscribed(listener: Listener) -> None:
    """The subscription stands: its confirmation wakes like a nudge."""
    assert await listener.wait(10)


async def test_two_hundred_listeners_are_all_woken(hub: Hub) -> None:
    listeners = [hub.listen(["instance:a", "site:s"]) for _ in range(200)]
    await eventually(lambda: hub.connected)
    await asyncio.gather(*(listener.wait(10) for listener in listeners))
    while any(await asyncio.gather(*(listener.wait(0.2) for listener in listeners))):
        continue
    nudge("site:s")
    assert all(await asyncio.gather(*(listener.wait(10) for listener in listeners)))


async def test_many_nudges_between_two_waits_are_one_wake(hub: Hub) -> None:
    with hub.listen(["instance:a"]) as listener:
        await subscribed(listener)
        before = listener.age
        for _ in range(50):
            nudge("instance:a")
        await eventually(lambda: listener.age[0] >= before[0] + 50)
        assert await listener.wait(1)
        assert not await listener.wait(0.05)


async def test_what_another_thread_shall_say_is_heard_as_well_on_each_channel(hub: Hub) -> None:
    with hub.listen(["instance:a"]) as one, hub.listen(["instance:b"]) as other:
        await subscribed(one)
        await subscribed(other)
        nudge_soon("instance:a", "instance:b")
        assert await one.wait(10) and await other.wait(10)
        nudge_soon("instance:b")
        assert await other.wait(10)


async def test_a_nudge_wakes_nobody_on_another_channel(hub: Hub) -> None:
    with hub.listen(["instance:a"]) as one, hub.listen(["instance:b"]) as other:
        await subscribed(one)
        await subscribed(other)
        nudge("instance:a")
        assert await one.wait(10)
        assert not await other.wait(0.2)


async def test_a_closed_listener_leaves_nothing_behind(hub: Hub, broker: Broker) -> None:
    with hub.listen(["instance:a", "site:s"]) as listener, hub.listen(["site:s"]):
        await subscribed(listener)
        listener.close()
        listener.close()
        assert hub.channels == {"site:s"}
        await eventually(lambda: _known_to(broker) == [b"nudge:site:s"])
    assert hub.channels == set()
    await eventually(lambda: _known_to(broker) == [])


async def test_redis_killed_and_started_again_wakes_everybody_once_and_goes_on(hub: Hub, broker: Broker) -> None:
    with hub.listen(["instance:a"]) as listener:
        await subscribed(listener)
        broker.kill()
        await eventually(lambda: not hub.connected)
        broker.start_again()
        assert await listener.wait(10), "those who may have missed a nudge are woken to catch up"
        nudge("instance:a")
        await eventually(lambda: hub.connected)
        assert await _hears(listener, "instance:a")


async def test_a_nudge_with_redis_away_neither_raises_nor_waits(hub: Hub, broker: Broker) -> None:
    broker.kill()
    try:
        started = time.monotonic()
        for _ in range(100):
            nudge("instance:a")
        assert time.monotonic() - started < 10, "each waits for Redis"
    finally:
        broker.start_again()


async def test_an_ended_hub_wakes_its_listeners_for_good(hub: Hub) -> None:
    with hub.listen(["instance:a"]) as listener:
        hub.end()
        assert await listener.wait(1)
        assert await listener.wait(0)
    with hub.listen(["instance:a"]) as late:
        assert await late.wait(0)


@pytest.mark.parametrize("channels", [["instance:a"], ["instance:a", "instance:a"]])
async def test_a_listener_that_is_woken_before_it_waits_does_not_wait(hub: Hub, channels: list[str]) -> None:
    with hub.listen(channels) as listener:
        await subscribed(listener)
        nudge("instance:a")
        before = listener.age
        await eventually(lambda: listener.age != before or listener._is_woken)
        assert await listener.wait(0.5)


async def _hears(listener: Listener, channel: str) -> bool:
    """Nudges are sent until one arrives: the publisher leaves a broken Redis alone for a second."""
    while await listener.wait(0.2):
        continue
    for _ in range(50):
        nudge(channel)
        if await listener.wait(0.2):
            return True
    return False


def _known_to(broker: Broker) -> list[bytes]:
    answer = broker.client.pubsub_channels("nudge:*")
    return sorted(answer)


async def test_a_wait_is_as_long_as_it_was_asked_for_whatever_the_one_before_was(hub: Hub) -> None:
    loop = asyncio.get_running_loop()
    with hub.listen(["instance:a"]) as listener:
        await subscribed(listener)
        for before_s, after_s in ((0.05, 0.3), (5.0, 0.05)):
            nudge("instance:a")
            assert await listener.wait(before_s) or await listener.wait(10)
            began = loop.time()
            assert not await listener.wait(after_s)
            assert loop.time() - began >= after_s * 0.9
