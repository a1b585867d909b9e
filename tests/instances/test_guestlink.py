"""The hub's way to its guests, through a real gateway and a real Redis to a guest that the test plays."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.relay import MAX_OUTSTANDING
from guest.protocol import PROTOCOL_VERSION
from guest.protocol.actions import Bash, Click, CursorPosition, Screenshot
from guest.protocol.hello import Configure, Hello
from guest.protocol.results import Cursor, Image, Result
from instances.guestlink import (
    Answer,
    GuestBusy,
    GuestInterrupted,
    GuestLink,
    GuestRefused,
    GuestTimedOut,
    GuestUnreachable,
)
from tests.gateway.fake_guest import Frame
from tests.gateway.fixtures import Connect, connecting_to, running_gateway, running_redis
from tests.gateway.rig import ROOT, Gateway, RedisServer, until

CLICK = Click(x=1, y=2)


@pytest_asyncio.fixture(scope="module")
async def redis_server() -> AsyncIterator[RedisServer]:
    async with running_redis() as server:
        yield server


@pytest_asyncio.fixture(scope="module")
async def gateway(redis_server: RedisServer) -> AsyncIterator[Gateway]:
    """One for all tests here that do not kill it for good."""
    async with running_gateway(redis_server.url) as running:
        yield running


@pytest_asyncio.fixture
async def connect(gateway: Gateway) -> AsyncIterator[Connect]:
    async with connecting_to(gateway) as connected:
        yield connected


@pytest.fixture
def link(gateway: Gateway, redis_server: RedisServer) -> GuestLink:
    return GuestLink(redis_url=redis_server.url, gateway_dir=gateway.directory)


Act = Callable[..., Awaitable[Answer]]


@pytest.fixture(params=["in a thread", "on the loop"])
def act(request: pytest.FixtureRequest, link: GuestLink) -> Act:
    """Both of the link's ways to act."""
    return link.act_soon if request.param == "on the loop" else partial(asyncio.to_thread, link.act)


async def never(call: dict[str, Any]) -> Frame:
    await asyncio.Event().wait()
    raise AssertionError


async def test_an_action_brings_its_result(connect: Connect, act: Act) -> None:
    async def where(call: dict[str, Any]) -> Frame:
        return {"ok": True, "result": {"cursor": {"x": 3, "y": 4}}}, b""

    guest = await connect("i-1", answering=where)

    answer = await act("i-1", CursorPosition())

    assert answer.result == Result(cursor=Cursor(x=3, y=4))
    assert answer.blob == b""
    assert 0 < answer.took_ms < 10_000
    assert [call["args"] for call in guest.calls] == [{"type": "cursor_position"}]


async def test_a_picture_comes_whole(connect: Connect, act: Act) -> None:
    picture = bytes(range(256)) * 20_480

    async def show(call: dict[str, Any]) -> Frame:
        return {"ok": True, "result": {"image": {"format": "png", "width": 1280, "height": 800}}}, picture

    await connect("i-1", answering=show)

    answer = await act("i-1", Screenshot())

    assert answer.result.image == Image(format="png", width=1280, height=800)
    assert answer.blob == picture


async def test_whoever_waits_in_a_thread_is_told_that_the_process_ends(link: GuestLink, connect: Connect) -> None:
    guest = await connect("i-1", answering=never)
    waiting = asyncio.create_task(asyncio.to_thread(link.act, "i-1", Bash(command="sleep 60", timeout_s=60)))
    await until(lambda: guest.calls)

    link.hang_up()

    with pytest.raises(GuestInterrupted):
        await waiting
    with pytest.raises(GuestInterrupted):
        await asyncio.to_thread(link.act, "i-1", CLICK)
    assert len(guest.calls) == 1


async def test_the_environment_reaches_the_guest(link: GuestLink, connect: Connect) -> None:
    guest = await connect("i-1")

    await asyncio.to_thread(link.configure, "i-1", Configure(environment={"LANG": "de"}))

    assert [(call["verb"], call["args"]) for call in guest.calls] == [("configure", {"environment": {"LANG": "de"}})]


async def test_threads_share_a_link_and_each_gets_its_own_answer(connect: Connect, act: Act) -> None:
    async def echo(call: dict[str, Any]) -> Frame:
        return {"ok": True, "result": {"cursor": {"x": call["args"]["x"], "y": 0}}}, b""

    await connect("i-1", answering=echo)

    asked = [act("i-1", Click(x=x, y=0)) for x in range(40)]
    answers = await asyncio.gather(*asked)

    assert [answer.result.cursor for answer in answers] == [Cursor(x=x, y=0) for x in range(40)]


async def test_a_guests_no_is_a_refusal_with_its_code(connect: Connect, act: Act) -> None:
    async def refuse(call: dict[str, Any]) -> Frame:
        return {"ok": False, "error": {"code": "unsupported", "message": "no wheel here"}}, b""

    await connect("i-1", answering=refuse)

    with pytest.raises(GuestRefused, match="no wheel here") as refused:
        await act("i-1", CLICK)

    assert (refused.value.code, refused.value.message) == ("unsupported", "no wheel here")


@pytest.mark.parametrize("result", [{"cursor": "here"}, [[[]]], {"image": {"format": "exe", "width": 1, "height": 1}}])
async def test_a_result_that_is_none_is_a_refusal(connect: Connect, result: object, act: Act) -> None:
    async def lie(call: dict[str, Any]) -> Frame:
        return {"ok": True, "result": result}, b""

    await connect("i-1", answering=lie)

    with pytest.raises(GuestRefused) as refused:
        await act("i-1", CLICK)

    assert refused.value.code == "failed"


async def test_a_guest_that_is_not_there_is_unreachable_and_heard_nothing(act: Act) -> None:
    with pytest.raises(GuestUnreachable) as lost:
        await act("i-1", CLICK)

    assert lost.value.was_sent is False


async def test_a_silent_guest_times_out_after_the_actions_own_time_and_the_grace(connect: Connect, act: Act) -> None:
    await connect("i-1", answering=never)

    with pytest.raises(GuestTimedOut, match=r"0\.35 s"):
        await act("i-1", Bash(command="true", timeout_s=0.25), grace_s=0.1)


async def test_a_guest_with_too_much_to_do_is_busy(gateway: Gateway, connect: Connect, act: Act) -> None:
    guest = await connect("i-1", answering=never)
    waiting = [asyncio.create_task(gateway.call("i-1", {"n": n}, deadline_s=60)) for n in range(MAX_OUTSTANDING)]
    await until(lambda: len(guest.calls) == MAX_OUTSTANDING)

    with pytest.raises(GuestBusy):
        await act("i-1", CLICK)

    await guest.hang_up()
    await asyncio.gather(*waiting)


async def test_a_guest_lost_in_the_middle_is_unreachable_and_is_not_asked_twice(connect: Connect, act: Act) -> None:
    guest = await connect("i-1", answering=never)
    asked = asyncio.ensure_future(act("i-1", CLICK))
    await until(lambda: guest.calls)

    assert guest.connection is not None
    guest.connection.transport.abort()

    with pytest.raises(GuestUnreachable) as lost:
        await asked
    assert lost.value.was_sent is True
    assert len(guest.calls) == 1


async def test_a_gateway_killed_in_the_middle_is_unreachable_and_the_action_is_not_sent_again(
    gateway: Gateway, connect: Connect, act: Act
) -> None:
    guest = await connect("i-1", answering=never)
    asked = asyncio.ensure_future(act("i-1", CLICK))
    await until(lambda: guest.calls)

    gateway.end(signal.SIGKILL)
    with pytest.raises(GuestUnreachable) as lost:
        await asked
    await gateway.start()
    await until(lambda: guest.hellos == 2)

    assert lost.value.was_sent is True
    assert len(guest.calls) == 1


async def test_a_restarted_gateway_is_found_again_by_the_same_link(
    gateway: Gateway, connect: Connect, act: Act
) -> None:
    guest = await connect("i-1")
    await act("i-1", CLICK)
    gateway.end(signal.SIGKILL)
    with pytest.raises(GuestUnreachable) as lost:
        await act("i-1", CLICK)

    await gateway.start()
    await until(lambda: gateway.shown("i-1"))
    await act("i-1", CLICK)

    assert lost.value.was_sent is False
    assert len(guest.calls) == 2


async def test_a_guest_that_moved_to_another_gateway_is_found_at_once(
    redis_server: RedisServer, connect: Connect, act: Act
) -> None:
    guest = await connect("i-1")
    await act("i-1", CLICK)
    await guest.hang_up()

    async with (
        running_gateway(redis_server.url) as other,
        connecting_to(other) as connect_to_other,
    ):
        moved = await connect_to_other("i-1")
        await until(lambda: str(other.directory) in json.dumps(redis_server.presence("i-1")))
        await act("i-1", CLICK)

    assert len(moved.calls) == 1


async def test_presence_says_who_said_hello_and_when(
    redis_server: RedisServer, link: GuestLink, connect: Connect
) -> None:
    before = await asyncio.to_thread(link.presence, "i-1")
    await connect("i-1", boot_id="boot-7")
    await until(lambda: redis_server.presence("i-1"))

    present = await asyncio.to_thread(link.presence, "i-1")

    assert before is None
    assert present is not None
    assert present.boot_id == "boot-7"
    assert present.hello == Hello(protocol=PROTOCOL_VERSION, boot_id="boot-7", flavour="ubuntu", width=1280, height=800)
    assert timedelta() <= datetime.now(UTC) - present.at < timedelta(minutes=1)


async def test_an_emptied_redis_makes_nobody_absent(
    redis_server: RedisServer, link: GuestLink, connect: Connect, act: Act
) -> None:
    await connect("i-1")
    await until(lambda: redis_server.presence("i-1"))
    redis_server.client.flushdb()

    assert await asyncio.to_thread(link.presence, "i-1") is not None
    assert (await act("i-1", CLICK)).result == Result()


async def test_without_redis_the_gateway_is_asked_and_without_both_nothing_is_concluded() -> None:
    async with running_redis() as redis_server, running_gateway(redis_server.url) as gateway:
        link = GuestLink(redis_url=redis_server.url, gateway_dir=gateway.directory)
        async with connecting_to(gateway) as connect:
            await connect("i-1")
            redis_server.end(signal.SIGKILL)

            present = await asyncio.to_thread(link.presence, "i-1")
            absent = await asyncio.to_thread(link.presence, "i-2")
            answer = await asyncio.to_thread(link.act, "i-1", CLICK)

        gateway.end(signal.SIGKILL)
        with pytest.raises(GuestUnreachable):
            await asyncio.to_thread(link.presence, "i-1")

    assert present is not None
    assert (present.boot_id, absent, answer.result) == ("boot-1", None, Result())


async def test_a_redis_without_a_gateway_says_nobody_is_there(redis_server: RedisServer, tmp_path: Path) -> None:
    link = GuestLink(redis_url=redis_server.url, gateway_dir=tmp_path)

    assert await asyncio.to_thread(link.presence, "i-9") is None


def test_the_link_knows_neither_django_nor_the_gateway() -> None:
    source = "".join(module.read_text() for module in (ROOT / "instances" / "guestlink").glob("*.py"))

    assert "class GuestLink" in source
    assert [name for name in ("django", "import gateway", "from gateway") if name in source] == []
