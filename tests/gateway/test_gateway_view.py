"""The live view's socket: who sees, who drives, and that watching is held to by the gateway and not by the page."""

from __future__ import annotations

import asyncio
import json
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import ConnectionClosed

from common import tokens
from common.tokens import Claims
from gateway.rfb import BadViewer, Filter
from tests.gateway.fixtures import Connect
from tests.gateway.inside import opening_streams
from tests.gateway.rig import SECRET, Gateway, until

MACHINE = "v-1"
VERSION = b"RFB 003.008\n"
GREETING = VERSION + b"\x01\x00"
KEY_A, KEY_A_UP = struct.pack(">BBxxI", 4, 1, 97), struct.pack(">BBxxI", 4, 0, 97)
CLICK, UPDATE = struct.pack(">BBHH", 5, 1, 10, 20), struct.pack(">BBHHHH", 3, 1, 0, 0, 10, 10)


class Vnc:
    """In the place of a VNC server: keeps all that it hears, says its version and what the test says."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(VERSION)
        while piece := await reader.read(4096):
            self.heard += piece


@pytest.fixture
async def vnc(gateway: Gateway, connect: Connect) -> AsyncIterator[Vnc]:
    with tempfile.TemporaryDirectory(prefix="vnc-") as folder:
        server = Vnc()
        async with await asyncio.start_unix_server(server.serve, str(Path(folder) / "vnc.sock")) as listening:
            server.guest = await connect(MACHINE, answering=opening_streams(gateway, MACHINE, runtime_dir=folder))
            yield server
            listening.close()
            for writer in server.writers:
                writer.close()


def token(**changes: Any) -> str:
    claims = {"purpose": "view", "subject": MACHINE, "expires_at": int(time.time()) + 60, "mode": "drive", **changes}
    return tokens.sign(SECRET, Claims(**claims))


class Page:
    """A page's socket, spoken to by hand."""

    def __init__(self, socket: ClientConnection, name: str) -> None:
        self.socket = socket
        self.number = f"{name}-0123456789abcdef"
        self.words: list[dict[str, Any]] = []
        self.seen = bytearray()

    async def open(self, shown: str) -> None:
        await self.socket.send(json.dumps({"token": shown, "viewer": self.number}))
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for message in self.socket:
                if isinstance(message, bytes):
                    self.seen += message
                else:
                    self.words.append(json.loads(message))

    def drives(self) -> bool | None:
        return next((words["yours"] for words in reversed(self.words) if words["kind"] == "driver"), None)


@pytest.fixture
async def opened(gateway: Gateway, vnc: Vnc) -> AsyncIterator[Callable[..., Any]]:
    pages: list[Page] = []

    async def opened(name: str = "ada", **changes: Any) -> Page:
        page = Page(await ws_connect(f"ws://127.0.0.1:{gateway.port}/view/socket", proxy=None), name)
        pages.append(page)
        await page.open(token(label=name, **changes))
        await until(lambda: page.drives() is not None)
        await page.socket.send(GREETING)
        return page

    yield opened
    for page in pages:
        await page.socket.close()


async def steer(gateway: Gateway, page: Page, method: str = "POST", **wish: Any) -> httpx.Response:
    async with gateway.hub() as hub:
        return await hub.request(method, f"/guests/{MACHINE}/driver", json={"viewer": page.number, **wish})


async def driver(gateway: Gateway) -> dict[str, Any] | None:
    async with gateway.hub() as hub:
        return (await hub.get(f"/guests/{MACHINE}/driver")).json()["driver"]


async def test_a_page_that_watches_sees_but_its_input_goes_nowhere(gateway: Gateway, vnc: Vnc, opened: Any) -> None:
    page = await opened()
    await page.socket.send(KEY_A + CLICK + UPDATE)
    await until(lambda: bytes(vnc.heard).endswith(UPDATE))
    assert bytes(vnc.heard) == VERSION + b"\x01\x01" + UPDATE
    await until(lambda: bytes(page.seen) == VERSION)


async def test_one_drives_until_another_takes_over_by_force(gateway: Gateway, vnc: Vnc, opened: Any) -> None:
    ada, bea = await opened("ada"), await opened("bea")
    assert (await steer(gateway, ada)).status_code == 200
    await until(ada.drives)
    await ada.socket.send(KEY_A)
    await until(lambda: bytes(vnc.heard).endswith(KEY_A))

    refused = await steer(gateway, bea)
    assert (refused.status_code, refused.json()["error"]["message"]) == (409, "ada")
    assert (await driver(gateway))["label"] == "ada"
    assert (await steer(gateway, bea, force=True)).status_code == 200

    await until(lambda: ada.drives() is False and bea.drives())
    await until(lambda: bytes(vnc.heard).endswith(KEY_A_UP), within_s=5)  # what she held is let go
    await ada.socket.send(CLICK)
    await bea.socket.send(UPDATE + CLICK)
    await until(lambda: bytes(vnc.heard).endswith(CLICK))
    assert bytes(vnc.heard).count(CLICK) == 1
    assert (await steer(gateway, bea, "DELETE")).status_code == 200
    assert await driver(gateway) is None


async def test_who_may_only_watch_and_who_is_not_there_cannot_drive(gateway: Gateway, opened: Any) -> None:
    page = await opened(mode="watch")
    assert (await steer(gateway, page)).status_code == 404
    page.number = "nobody-0123456789abcdef"
    assert (await steer(gateway, page)).status_code == 404


async def test_a_driver_whose_newer_token_is_for_watching_drives_no_more(
    gateway: Gateway, vnc: Vnc, opened: Any
) -> None:
    ada = await opened("ada")
    await steer(gateway, ada)
    await until(ada.drives)
    await ada.socket.send(KEY_A)
    await until(lambda: bytes(vnc.heard).endswith(KEY_A))
    await ada.socket.send(json.dumps({"token": token(mode="watch"), "viewer": ada.number}))
    await until(lambda: bytes(vnc.heard).endswith(KEY_A_UP))
    assert await driver(gateway) is None
    await ada.socket.send(CLICK + UPDATE)
    await until(lambda: bytes(vnc.heard).endswith(UPDATE))
    assert CLICK not in bytes(vnc.heard)


async def test_a_page_that_comes_back_for_watching_does_not_drive_by_its_number(
    gateway: Gateway, vnc: Vnc, opened: Any
) -> None:
    ada = await opened("ada")
    await steer(gateway, ada)
    await until(ada.drives)
    ada = await opened("ada", mode="watch")
    await ada.socket.send(CLICK + UPDATE)
    await until(lambda: bytes(vnc.heard).endswith(UPDATE))
    assert CLICK not in bytes(vnc.heard)
    assert await driver(gateway) is None


async def test_input_of_agents_waits_while_a_person_drives(gateway: Gateway, vnc: Vnc, opened: Any) -> None:
    page = await opened()
    await steer(gateway, page)
    async with gateway.hub() as hub:
        for query, ok in (("&input=1", False), ("", True)):
            body = b"\x00\x00\x00\x1d" + b'{"verb":"act","args":{"a":1}}'
            answer = await hub.post(f"/guests/{MACHINE}/call?deadline_s=5{query}", content=body)
            said = json.loads(answer.content[4 : 4 + int.from_bytes(answer.content[:4], "big")])
            assert said["ok"] is ok, said
    assert [call["verb"] for call in vnc.guest.calls].count("act") == 1


@pytest.mark.parametrize(
    ("shown", "code"),
    [({"expires_at": 1}, 4401), ({"purpose": "cdp"}, 4403), ({"subject": "nobody-1"}, 4404)],
)
async def test_a_token_that_does_not_hold_shows_nothing(
    gateway: Gateway, vnc: Vnc, shown: dict[str, Any], code: int
) -> None:
    async with ws_connect(f"ws://127.0.0.1:{gateway.port}/view/socket", proxy=None) as socket:
        await socket.send(json.dumps({"token": token(**shown), "viewer": "a" * 20}))
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 10)
        assert socket.close_code == code
    assert vnc.writers == []


DEEP = json.dumps({"token": "x", "viewer": "a" * 20})[:-1] + ', "more": ' + "[" * 10_000


@pytest.mark.parametrize("said", ["[]", "no json", DEEP], ids=["a list", "no JSON", "deep"])
async def test_a_page_that_says_something_else_is_told_so(gateway: Gateway, vnc: Vnc, said: str) -> None:
    async with ws_connect(f"ws://127.0.0.1:{gateway.port}/view/socket", proxy=None) as socket:
        await socket.send(said)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 10)
        assert socket.close_code == 4400
    assert "Traceback" not in gateway.log.read_text()


async def test_a_view_ends_with_its_token_and_lives_on_with_a_newer_one(gateway: Gateway, opened: Any) -> None:
    soon = int(time.time()) + 2
    brief, kept = await opened("brief", expires_at=soon), await opened("kept", expires_at=soon)
    await kept.socket.send(json.dumps({"token": token(label="kept"), "viewer": kept.number}))
    await until(lambda: brief.socket.close_code == 4401, within_s=10)
    await asyncio.sleep(0.2)
    assert kept.socket.close_code is None


async def test_a_lost_machine_ends_its_views_at_once(gateway: Gateway, vnc: Vnc, opened: Any) -> None:
    page = await opened()
    vnc.guest.redials = False
    await vnc.guest.hang_up()
    assert await until(lambda: page.socket.close_code == 4410, within_s=5)


async def test_the_same_page_opened_again_replaces_its_older_line(gateway: Gateway, opened: Any) -> None:
    first = await opened("ada")
    await steer(gateway, first)
    second = await opened("ada")
    await until(lambda: first.socket.close_code == 4409)
    assert second.drives(), "the wheel stays with the page"


async def test_a_page_that_is_closed_gives_the_wheel_back_and_a_broken_line_keeps_it(
    gateway: Gateway, opened: Any
) -> None:
    page = await opened("ada")
    await steer(gateway, page)
    page.socket.transport.abort()
    await page.socket.wait_closed()
    again = await opened("ada")
    assert again.drives()
    await again.socket.close()
    await until(lambda: driver_is_none(gateway))


async def driver_is_none(gateway: Gateway) -> bool:
    return await driver(gateway) is None


async def test_what_is_no_rfb_is_sent_away(opened: Any) -> None:
    page = await opened()
    await page.socket.send(b"\xaa" * 100)
    assert await until(lambda: page.socket.close_code == 4400)


def test_messages_in_any_pieces_are_told_apart() -> None:
    text = struct.pack(">BxxxI", 6, 5) + b"hello"
    encodings = struct.pack(">BxH3i", 2, 3, 7, -316, 0)
    size = struct.pack(">BxHHBx", 251, 1000, 800, 1) + bytes(16)
    fence = struct.pack(">BxxxIB", 248, 1, 3) + b"abc"
    watched = struct.pack(">BxH2i", 2, 2, 7, 0) + fence + UPDATE
    said = GREETING + text + encodings + size + KEY_A + fence + CLICK + UPDATE
    for step in (1, 2, 3, 7, len(said)):
        one, other, touched = Filter(lambda: None), Filter(lambda: touched.append(1)), []  # noqa: B023
        pieces = [said[start : start + step] for start in range(0, len(said), step)]
        assert b"".join(one.take(piece, drives=False) for piece in pieces) == VERSION + b"\x01\x01" + watched
        assert KEY_A in b"".join(other.take(piece, drives=True) for piece in pieces)
        assert len(touched) == 4
        assert other.let_go() == KEY_A_UP + struct.pack(">BBHH", 5, 0, 10, 20)
        assert other.let_go() == b""


@pytest.mark.parametrize(
    "said",
    [
        b"RFB 003.003\n",
        VERSION + b"\x02",
        GREETING + b"\x09",
        GREETING + struct.pack(">BxxxI", 6, 2**24),
        GREETING + struct.pack(">BxH", 2, 500),
    ],
)
def test_a_viewer_that_speaks_otherwise_is_refused(said: bytes) -> None:
    with pytest.raises(BadViewer):
        Filter(lambda: None).take(said, drives=True)
