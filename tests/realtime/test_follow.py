"""Following a stream: no gap and nothing twice, whatever happens in between."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from common.errors import Invalid, NotSignedIn
from common.realtime import follow as following
from common.realtime.follow import Resync, Tick, follow
from common.realtime.hub import Hub
from common.realtime.stream import Item
from tests.realtime.conftest import Broker
from tests.realtime.rows import Rows, eventually, numbers


def write(rows: Rows, count: int) -> list[threading.Thread]:
    """Four writers at once, `count` rows together."""
    threads = [threading.Thread(target=lambda: [rows.add() for _ in range(count // 4)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    return threads


async def test_catching_up_and_following_across_a_reconnect_has_no_gap_and_no_double(hub: Hub) -> None:
    rows = Rows("instance:a")
    for _ in range(120):
        rows.add()
    writers = write(rows, 400)
    with hub.listen([rows.channel]) as listener:
        before = await numbers(rows.stream(), listener, None, until=250)
    with hub.listen([rows.channel]) as listener:
        after = await numbers(rows.stream(), listener, str(before[-1]), until=520)
    assert before + after == list(range(1, 521))
    for writer in writers:
        writer.join()


async def test_many_followers_share_one_read_per_nudge(hub: Hub) -> None:
    rows = Rows("instance:a")
    rows.add()
    listeners = [hub.listen([rows.channel]) for _ in range(50)]
    stream = rows.stream(share="a", batch_size=50)
    tasks = [asyncio.create_task(numbers(stream, listener, "1", until=2)) for listener in listeners]
    await eventually(lambda: hub.connected and not hub.shared)
    reads = rows.reads
    rows.add()
    assert await asyncio.gather(*tasks) == [[2]] * 50
    assert rows.reads - reads <= 5
    assert not hub.shared


async def test_a_follower_outlives_redis(hub: Hub, broker: Broker) -> None:
    rows = Rows("instance:a")
    with hub.listen([rows.channel]) as listener:
        task = asyncio.create_task(numbers(rows.stream(), listener, None, until=3))
        rows.add()
        await eventually(lambda: hub.connected)
        broker.kill()
        rows.add()
        await eventually(lambda: rows.reads >= 1)
        broker.start_again()
        rows.add()
        assert await task == [1, 2, 3]


async def test_lost_nudges_are_found_by_the_poll(hub: Hub) -> None:
    rows = Rows("instance:a")
    with hub.listen([rows.channel]) as listener:
        task = asyncio.create_task(numbers(rows.stream(poll_s=0.05), listener, None, until=1))
        await eventually(lambda: rows.reads >= 2)
        rows.channel = "nobody:listens"
        rows.add()
        assert await task == [1]


async def test_a_cursor_older_than_the_rows_is_told_and_then_followed(hub: Hub) -> None:
    rows = Rows("instance:a")
    for _ in range(10):
        rows.add()
    rows.kept_from = 8
    with hub.listen([rows.channel]) as listener:
        followed = follow(rows.stream(), listener, "3")
        assert await anext(followed) == Resync("7")
        rest = [await anext(followed) for _ in range(3)]
        assert [item.cursor for item in rest if isinstance(item, Item)] == ["8", "9", "10"]
        await followed.aclose()


async def test_silence_is_broken_by_a_tick(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "KEEP_ALIVE_S", 0.05)
    with hub.listen(["instance:a"]) as listener:
        followed = follow(Rows("instance:a").stream(), listener, None)
        assert await anext(followed) == Tick()
        await followed.aclose()


async def test_a_revoked_caller_is_put_out_however_quiet_it_is(hub: Hub, settings: Any) -> None:
    settings.STREAM_RECHECK_S = 0.05
    asked: list[None] = []

    def recheck() -> None:
        asked.append(None)
        if len(asked) > 1:
            raise NotSignedIn

    with hub.listen(["instance:a"]) as listener, pytest.raises(NotSignedIn):
        async for _ in follow(Rows("instance:a").stream(poll_s=60), listener, None, recheck=recheck):
            continue
    assert len(asked) == 2


async def test_a_malformed_cursor_is_refused(hub: Hub) -> None:
    with hub.listen(["instance:a"]) as listener:
        with pytest.raises(Invalid):
            await anext(follow(Rows("instance:a").stream(share="a"), listener, "x"))
        await eventually(lambda: not hub.shared)


async def test_the_end_of_the_process_ends_the_stream(hub: Hub) -> None:
    with hub.listen(["instance:a"]) as listener:
        task = asyncio.create_task(numbers(Rows("instance:a").stream(), listener, None, until=1))
        await eventually(lambda: hub.connected)
        hub.end()
        assert await task == []
