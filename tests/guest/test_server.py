"""The line to the gateway: hello when ready, dialled again when lost, unmoved by whatever it is sent."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from guest import server as guest_server
from guest.dispatch import Dispatcher
from guest.environment import InstanceEnvironment
from guest.files import Files
from guest.protocol import frames
from guest.protocol.hello import Hello
from guest.server import Ready, Server
from guest.shell import Shell
from guest.streams import Streams
from tests.guest.desk import TOKEN, Line, config_for, eventually
from tests.guest.test_dispatch import SlowDesktop

HELLO = Hello(protocol=1, boot_id="b", flavour="ubuntu", width=10, height=10)


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    line = Line(tmp_path / "gateway.sock")
    yield line
    await line.close()


@asynccontextmanager
async def serving(tmp_path: Path, *, ready: bool = True) -> AsyncIterator[Ready]:
    """A guest's server without a desktop behind it."""
    config = config_for(tmp_path)
    environment = InstanceEnvironment(config)
    shell = Shell(config, "", environment)
    dispatcher = Dispatcher(SlowDesktop(), shell, environment, Streams(config), files=Files(config), browser=None)
    promise: Ready = asyncio.get_running_loop().create_future()
    if ready:
        promise.set_result((HELLO, dispatcher))
    task = asyncio.create_task(Server(config, promise, lambda: {"memory_mib": 5, "load": 0.5}).serve())
    try:
        yield promise
        assert not task.done(), "the server ended by itself"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        promise.cancel()


async def test_hello_goes_out_with_the_token_and_to_its_own_path(tmp_path: Path, line: Line) -> None:
    await line.open()
    async with serving(tmp_path):
        assert await line.hello() == {
            "kind": "hello",
            **{"protocol": 1, "boot_id": "b", "flavour": "ubuntu", "width": 10, "height": 10, "version": "0"},
        }
    assert line.authorizations == [f"Bearer {TOKEN}"]
    assert line.paths == ["/guest/one-1"]


async def test_it_connects_before_it_is_ready_and_says_hello_no_sooner(tmp_path: Path, line: Line) -> None:
    await line.open()
    async with serving(tmp_path, ready=False) as promise:
        await eventually(lambda: line.connection)
        assert line.hellos.empty()
        promise.set_result((HELLO, None))  # type: ignore[arg-type]
        await line.hello()


async def test_a_gateway_that_comes_late_is_found(tmp_path: Path, line: Line) -> None:
    async with serving(tmp_path):
        await asyncio.sleep(0)
        await line.open()
        assert (await line.hello())["boot_id"] == HELLO.boot_id


async def test_a_lost_line_is_dialled_again_with_the_same_boot_id(tmp_path: Path, line: Line) -> None:
    await line.open()
    async with serving(tmp_path):
        first = await line.hello()
        for _ in range(3):
            await line.close()
            await line.open()
            assert await line.hello() == first
        header, _ = await line.call("act", {"type": "cursor_position"})
        assert header["result"] == {"cursor": {"x": 3, "y": 4}}


async def test_a_line_lost_before_it_is_ready_is_dialled_again(tmp_path: Path, line: Line) -> None:
    await line.open()
    async with serving(tmp_path, ready=False) as promise:
        await eventually(lambda: line.connection)
        await line.close()
        line.connection = None
        await line.open()
        await eventually(lambda: line.connection)
        promise.set_result((HELLO, None))  # type: ignore[arg-type]
        assert (await line.hello())["boot_id"] == HELLO.boot_id


async def test_a_gateway_that_hangs_up_at_once_is_not_hammered(tmp_path: Path, line: Line) -> None:
    dials = 0

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal dials
        dials += 1
        writer.close()

    refusing = await asyncio.start_unix_server(refuse, str(line.path))
    async with serving(tmp_path):
        await eventually(lambda: dials >= 3)
        at_three = asyncio.get_running_loop().time()
        await eventually(lambda: dials >= 5)
        assert asyncio.get_running_loop().time() - at_three > 0.3
    refusing.close()


HOSTILE: list[bytes | str] = [
    b"",
    b"\0\0\0",
    b"\xff\xff\xff\xff{}",
    b"\0\0\0\x02[]",
    b"\0\0\0\x04\xff\xfe\xfd\xfc",
    "text, not a frame",
    frames.encode({}),
    frames.encode({"kind": "hello"}),
    frames.encode({"kind": "call"}),
    frames.encode({"kind": "call", "id": "7", "verb": "act"}),
    frames.encode({"kind": "call", "id": None, "verb": "act"}),
    frames.encode({"kind": "call", "id": [], "verb": {}, "args": []}),
    os.urandom(2000),
]


async def test_hostile_frames_are_dropped_and_the_line_holds(tmp_path: Path, line: Line) -> None:
    await line.open()
    async with serving(tmp_path):
        await line.hello()
        for message in HOSTILE:
            await line.say(message)
        header, _ = await line.call("act", {"type": "cursor_position"})
        assert header["ok"]
        assert len(line.paths) == 1


@pytest.mark.parametrize(
    "arguments", [{}, {"verb": 7}, {"verb": "act"}, {"verb": "act", "args": "x"}, {"verb": None, "args": {"a": []}}]
)
async def test_a_call_that_makes_no_sense_is_answered(tmp_path: Path, line: Line, arguments: dict[str, Any]) -> None:
    await line.open()
    async with serving(tmp_path):
        await line.hello()
        header, _ = await line.call(arguments.get("verb"), arguments.get("args"))  # type: ignore[arg-type]
        assert header["ok"] is False
        assert header["error"]["code"] in ("bad_action", "unsupported")


async def test_a_frame_too_large_costs_the_line_and_not_the_guest(tmp_path: Path, line: Line) -> None:
    await line.open()
    async with serving(tmp_path):
        first = await line.hello()
        await line.say(bytes(guest_server.MAX_CALL_BYTES + 1))
        assert await line.hello() == first


async def test_a_long_command_holds_up_nothing(tmp_path: Path, line: Line) -> None:
    await line.open()
    async with serving(tmp_path):
        await line.hello()
        long = asyncio.create_task(line.call("act", {"type": "bash", "command": "sleep 60", "timeout_s": 1}))
        header, blob = await line.call("act", {"type": "screenshot"})
        assert (header["ok"], blob) == (True, b"pixels")
        assert not long.done()
        assert (await long)[0]["result"]["shell"]["timed_out"]


async def test_calls_without_end_are_refused_past_a_number(tmp_path: Path, line: Line) -> None:
    await line.open()
    async with serving(tmp_path):
        await line.hello()
        waits = [asyncio.create_task(line.call("act", {"type": "wait", "duration_ms": 700})) for _ in range(80)]
        answers = [header for header, _ in await asyncio.gather(*waits)]
        refused = [header for header in answers if not header["ok"]]
        assert len(refused) == 80 - 64
        assert "at once" in refused[0]["error"]["message"]
        assert (await line.call("act", {"type": "cursor_position"}))[0]["ok"]


async def test_heartbeats_tell_how_it_fares(tmp_path: Path, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_server, "HEARTBEAT_S", 0.05)
    await line.open()
    async with serving(tmp_path):
        await line.hello()
        for _ in range(2):
            beat = await asyncio.wait_for(line.heartbeats.get(), 10)
            assert beat == {"kind": "heartbeat", "memory_mib": 5, "load": 0.5}
