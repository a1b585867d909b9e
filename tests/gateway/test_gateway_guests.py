"""The guest door: who is let in, who is held, and what a hostile guest gains (nothing)."""

from __future__ import annotations

import asyncio
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from guest.protocol import PROTOCOL_VERSION, frames
from tests.gateway.fake_guest import Frame, dial, hello
from tests.gateway.fixtures import Connect, is_gone
from tests.gateway.rig import SECRET, Gateway, token_of, until

HELLO = frames.encode(hello())


async def closing_code(connection: ClientConnection) -> int | None:
    """The code that the gateway ends the connection with."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(15):
            while True:
                await connection.recv()
    return connection.close_code


def handshake(incarnation: str) -> bytes:
    """The request that asks for a WebSocket, for a peer that does the rest by hand."""
    return (
        f"GET /guest/{incarnation} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {token_of(incarnation)}\r\n"
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


async def still_works(gateway: Gateway, incarnation: str) -> bool:
    return (await gateway.call(incarnation, {"type": "click"}))[0]["ok"] is True


@pytest.mark.parametrize("token", ["", "wrong", "ü", token_of("i-2"), token_of("i-1")[:-1]])
async def test_a_wrong_token_is_a_403(gateway: Gateway, token: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with dial(gateway.guest_socket, "i-1", token=token):
            pass

    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("incarnation", ["UPPER", "a.b", "x" * 65, "i-1/more"])
async def test_a_name_that_is_no_incarnation_is_a_403(gateway: Gateway, incarnation: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with dial(gateway.guest_socket, incarnation):
            pass

    assert refused.value.response.status_code == 403


async def test_no_token_and_no_secret_is_ever_logged(gateway: Gateway, connect: Connect) -> None:
    await connect("i-1")
    with pytest.raises(InvalidStatus):
        async with dial(gateway.guest_socket, "i-1", token="a wrong token"):
            pass

    await until(lambda: "guest refused" in gateway.log.read_text())
    written = gateway.log.read_text()
    assert [secret for secret in (SECRET, token_of("i-1"), "a wrong token") if secret in written] == []


async def test_a_guest_is_not_there_before_its_hello(gateway: Gateway) -> None:
    async with dial(gateway.guest_socket, "i-1") as connection:
        before = await gateway.shown("i-1")
        await connection.send(HELLO)
        await until(lambda: gateway.shown("i-1"))
        after = await gateway.shown("i-1")

    assert before is None
    assert after is not None
    assert after["boot_id"] == "boot-1"
    said = {name: value for name, value in hello().items() if name != "kind"}
    assert after["hello"] == {**said, "version": "0"}


async def test_a_newer_connection_replaces_the_older(gateway: Gateway, connect: Connect) -> None:
    async def never(call: dict[str, Any]) -> Frame:
        await asyncio.Event().wait()
        raise AssertionError

    older = await connect("i-1", answering=never)
    older.redials = False
    asked = asyncio.create_task(gateway.call("i-1", {"type": "click"}, deadline_s=60))
    await until(lambda: older.calls)

    newer = await connect("i-1", boot_id="boot-2")
    header, _ = await asyncio.wait_for(asked, 5)
    await until(lambda: older.closed_with)

    assert header["error"]["code"] == "disconnected"
    assert older.closed_with == [4409]
    assert await still_works(gateway, "i-1")
    assert len(newer.calls) == 1
    assert (await gateway.shown("i-1") or {})["boot_id"] == "boot-2"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (frames.encode(hello(protocol=PROTOCOL_VERSION + 1)), 4406),
        (frames.encode(hello(protocol=-1)), 4406),
        (frames.encode(hello(boot_id="two\nlines")), 4406),
        (frames.encode(hello(flavour="")), 4406),
        (frames.encode(hello(width=10**9)), 4406),
        (frames.encode({"kind": "heartbeat"}), 4406),
        (frames.encode({"kind": "hello"}), 4400),
        (frames.encode({"kind": "call", "id": 1}), 4400),
        (b"", 4400),
        (b"\x00\x00\x00", 4400),
        (b"\xff\xff\xff\xff{}", 4400),
        (b"\x00\x00\x00\x02[]", 4400),
        (b"\x00\x00\x00\x04\xff\xfe\xfd\xfc", 4400),
        ("a text", 4400),
        (bytes(70_000), 1009),
    ],
)
async def test_a_bad_first_frame_ends_the_connection(gateway: Gateway, first: bytes | str, code: int) -> None:
    async with dial(gateway.guest_socket, "i-1") as connection:
        await connection.send(first)

        assert await closing_code(connection) == code

    assert await gateway.shown("i-1") is None


@pytest.mark.parametrize(
    ("next_one", "code"),
    [
        (b"\xff\xff\xff\xff{}", 4400),
        (frames.encode({"kind": "answer", "id": "one", "ok": True}), 4400),
        (frames.encode({"kind": "answer", "id": 10**30, "ok": True}), 4400),
        ((5_000_000).to_bytes(4, "big") + b'{"kind":"answer","id":0,"ok":true,"result":' + b"[" * 5_000_000, 4400),
        ("a text", 4400),
        (bytes(frames.MAX_FRAME_BYTES + 1), 1009),
    ],
    ids=["no frame", "id of a wrong type", "giant id", "deep nesting", "text", "oversized"],
)
async def test_a_bad_frame_costs_a_guest_its_own_connection_only(
    gateway: Gateway, connect: Connect, next_one: bytes | str, code: int
) -> None:
    await connect("i-2")
    async with dial(gateway.guest_socket, "i-1") as connection:
        await connection.send(HELLO)
        await until(lambda: gateway.shown("i-1"))
        with suppress(ConnectionClosed):
            await connection.send(next_one)

        assert await closing_code(connection) == code

    assert await still_works(gateway, "i-2")


async def test_answers_that_nobody_asked_for_are_nothing(gateway: Gateway) -> None:
    async with dial(gateway.guest_socket, "i-1") as connection:
        await connection.send(HELLO)
        for number in (-1, 0, 1, 7, 2**53):
            await connection.send(frames.encode({"kind": "answer", "id": number, "ok": True, "result": {"forged": 1}}))
        await until(lambda: gateway.shown("i-1"))
        asked = asyncio.create_task(gateway.call("i-1", {"type": "click"}))
        call, _ = frames.decode(await connection.recv())
        wrong = {"kind": "answer", "id": call["id"] + 1, "ok": True, "result": {"forged": 1}}
        right = {"kind": "answer", "id": call["id"], "ok": True, "result": {}}
        for answer in (wrong, right, right):
            await connection.send(frames.encode(answer))

        assert (await asked)[0] == {"ok": True, "result": {}}
        assert await gateway.shown("i-1") is not None


async def test_a_flood_of_frames_ends_its_connection_only(gateway: Gateway, connect: Connect) -> None:
    await connect("i-2")
    heartbeat = frames.encode({"kind": "heartbeat"})
    async with dial(gateway.guest_socket, "i-1") as connection:
        await connection.send(HELLO)
        with suppress(ConnectionClosed):
            for _ in range(200_000):
                await connection.send(heartbeat)
        await closing_code(connection)

    await until(lambda: 'reason="too many frames"' in gateway.log.read_text())

    assert await still_works(gateway, "i-2")


async def test_a_flood_behind_a_large_frame_ends_its_connection_as_well(gateway: Gateway) -> None:
    before = gateway.log.read_text().count('reason="too many frames"')
    large = frames.encode({"kind": "answer", "id": 7, "ok": True, "result": {}}, bytes(300_000))
    async with dial(gateway.guest_socket, "i-1") as connection:
        await connection.send(HELLO)
        await until(lambda: gateway.shown("i-1"))
        connection.transport.write(_on_the_wire(large, *[frames.encode({"kind": "heartbeat"})] * 20_000))
        await closing_code(connection)

    assert await until(lambda: gateway.log.read_text().count('reason="too many frames"') > before)


async def test_large_frames_and_small_ones_in_one_piece_are_each_heard(gateway: Gateway) -> None:
    heartbeat, picture = frames.encode({"kind": "heartbeat"}), bytes(range(256)) * 4_000
    async with dial(gateway.guest_socket, "i-1") as connection:
        await connection.send(HELLO)
        await until(lambda: gateway.shown("i-1"))
        for number in range(3):
            asked = asyncio.create_task(gateway.call("i-1", {"n": number}, deadline_s=30))
            call, _ = frames.decode(_binary(await connection.recv()))
            answer = frames.encode({"kind": "answer", "id": call["id"], "ok": True, "result": {}}, picture)
            connection.transport.write(_on_the_wire(heartbeat, answer, heartbeat, heartbeat))
            reply, shown = await asked
            assert reply["ok"] and shown == picture


def _on_the_wire(*messages: bytes) -> bytes:
    return b"".join(WireFrame(Opcode.BINARY, message).serialize(mask=True) for message in messages)


def _binary(message: str | bytes) -> bytes:
    assert isinstance(message, bytes)
    return message


@pytest.mark.parametrize("fragment", [b"", b"x"])
async def test_a_message_of_endless_fragments_ends_its_connection(gateway: Gateway, fragment: bytes) -> None:
    before = gateway.log.read_text().count('reason="too many fragments"')
    async with dial(gateway.guest_socket, "i-1") as connection:
        await connection.send(HELLO)

        async def fragments() -> Any:
            while True:
                yield fragment

        with suppress(ConnectionClosed):
            async with asyncio.timeout(15):
                await connection.send(fragments())
        await closing_code(connection)

    assert await until(lambda: gateway.log.read_text().count('reason="too many fragments"') > before)


async def test_pings_whose_answers_nobody_reads_pile_up_nothing(gateway: Gateway) -> None:
    pings = 7_000
    ping = WireFrame(Opcode.PING, bytes(125)).serialize(mask=True)
    reader, writer = await asyncio.open_unix_connection(str(gateway.guest_socket), limit=1_024)
    writer.write(handshake("i-1"))
    await reader.readuntil(b"\r\n\r\n")
    writer.write(WireFrame(Opcode.BINARY, HELLO).serialize(mask=True))
    await until(lambda: gateway.shown("i-1"))

    writer.write(ping * pings + WireFrame(Opcode.CLOSE, b"").serialize(mask=True))
    await until(lambda: is_gone(gateway, "i-1"))

    assert len(await asyncio.wait_for(reader.read(), 5)) < 0.8 * pings * 127
    writer.close()


async def test_a_head_without_an_end_is_cut(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_unix_connection(str(gateway.guest_socket))
    writer.write(b"GET /guest/i-1 HTTP/1.1\r\n")
    with suppress(ConnectionError):
        for number in range(100_000):
            writer.write(b"x-%d: y\r\n" % number)
            await writer.drain()

    with suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    assert writer.transport.is_closing() or reader.at_eof()
    writer.transport.abort()


async def test_an_incarnation_has_few_connections_without_hello(gateway: Gateway) -> None:
    waiting = [await dial(gateway.guest_socket, "i-1") for _ in range(4)]

    with pytest.raises(InvalidStatus) as refused:
        await dial(gateway.guest_socket, "i-1")
    async with dial(gateway.guest_socket, "i-2"):
        pass

    assert refused.value.response.status_code == 403
    for connection in waiting:
        await connection.close()


async def test_plain_http_finds_nothing_at_the_guest_door(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_unix_connection(str(gateway.guest_socket))
    writer.write(b"GET /guests/i-1 HTTP/1.1\r\nhost: gateway\r\n\r\n")

    assert (await reader.readline()).startswith(b"HTTP/1.1 404")
    writer.close()


async def test_only_the_guests_socket_is_open_to_other_users(gateway: Gateway) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(gateway.guest_socket) == 0o666
    assert mode(gateway.guest_socket.parent) == 0o755
    assert mode(gateway.internal_socket) == 0o600
    assert list(gateway.guest_socket.parent.iterdir()) == [gateway.guest_socket]
