"""DevTools through the gateway: who may, what passes, and what a hostile machine gets out of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from common import tokens
from common.tokens import Claims
from gateway.devtools import DevToolsFailed, browser_place
from tests.gateway.fake_guest import Frame, dial
from tests.gateway.fixtures import Connect
from tests.gateway.inside import BROWSER, PAGE, Browser, opening_streams
from tests.gateway.rig import SECRET, Gateway, until

MACHINE = "b-1"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with Browser().running() as running:
        yield running


@pytest.fixture
async def machine(gateway: Gateway, browser: Browser, connect: Connect) -> Any:
    """A connected guest of a browser instance."""
    return await connect(MACHINE, flavour="browser", answering=opening_streams(gateway, MACHINE, cdp_port=browser.port))


def token(**changes: Any) -> str:
    claims = {"purpose": "cdp", "subject": MACHINE, "expires_at": int(time.time()) + 60, **changes}
    return tokens.sign(changes.pop("secret", SECRET), Claims(**{k: v for k, v in claims.items() if k != "secret"}))


def address(gateway: Gateway, shown: str, below: str = "", *, scheme: str = "ws") -> str:
    return f"{scheme}://127.0.0.1:{gateway.port}/cdp/{shown}{below}"


def socket(gateway: Gateway, shown: str, below: str = "") -> ws_connect:
    return ws_connect(address(gateway, shown, below), max_size=None, proxy=None, compression=None)


async def get(gateway: Gateway, shown: str, below: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.get(address(gateway, shown, below, scheme="http"))


async def test_a_client_finds_the_sockets_where_it_can_reach_them(
    gateway: Gateway, machine: Any, browser: Browser
) -> None:
    shown = token()

    version = await get(gateway, shown, "/json/version/")
    listed = (await get(gateway, shown, "/json/list")).json()

    assert version.json()["webSocketDebuggerUrl"] == address(gateway, shown, BROWSER)
    assert listed[0]["webSocketDebuggerUrl"] == address(gateway, shown, PAGE)
    assert "devtoolsFrontendUrl" not in listed[0], "an address of a foreign page was passed on"
    assert "set-cookie" not in version.headers, "a machine has set a cookie of ours"
    assert {request.headers["Host"] for request in browser.asked} == {"localhost"}
    async with socket(gateway, shown, BROWSER) as browser_socket, socket(gateway, shown, PAGE) as page_socket:
        await browser_socket.send("to the browser")
        await page_socket.send("to the page")
        assert (await browser_socket.recv(), await page_socket.recv()) == ("to the browser", "to the page")


async def test_the_address_itself_is_the_whole_browsers_socket(
    gateway: Gateway, machine: Any, browser: Browser
) -> None:
    async with socket(gateway, token()) as whole:
        await whole.send("hello")
        assert await whole.recv() == "hello"
    assert browser.asked[-1].path == BROWSER
    assert "Origin" not in browser.asked[-1].headers


async def test_fifty_megabytes_pass_in_one_message_both_ways(gateway: Gateway, machine: Any) -> None:
    async with socket(gateway, token()) as whole:
        message = bytes(range(256)) * 200_000
        sending = asyncio.create_task(whole.send(message))
        assert await asyncio.wait_for(whole.recv(), 60) == message
        await sending


async def test_several_clients_speak_at_once(gateway: Gateway, machine: Any) -> None:
    async def say(text: str) -> None:
        async with socket(gateway, token()) as whole:
            for number in range(50):
                await whole.send(f"{text} {number}")
                assert await whole.recv() == f"{text} {number}"

    await asyncio.wait_for(asyncio.gather(*(say(f"client {number}") for number in range(8))), 30)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"secret": "another secret"}, 403),
        ({"expires_at": 1}, 403),
        ({"purpose": "view"}, 403),
        ({"subject": "b-2"}, 503),
    ],
)
async def test_a_token_that_does_not_hold_opens_nothing(
    gateway: Gateway, machine: Any, browser: Browser, changes: dict[str, Any], status: int
) -> None:
    shown = token(**changes)
    with pytest.raises(InvalidStatus) as refused:
        async with socket(gateway, shown, PAGE):
            pass
    assert refused.value.response.status_code == status
    assert (await get(gateway, shown, "/json/version")).status_code == status
    assert browser.asked == []
    assert shown not in gateway.log.read_text()


@pytest.mark.parametrize("said", [b"[" * 100_000, b"[]", b"\xff", b"", b'{"webSocketDebuggerUrl": 5}'])
def test_a_machine_that_does_not_say_where_its_browser_is_is_told_apart(said: bytes) -> None:
    with pytest.raises(DevToolsFailed):
        browser_place(said)


@pytest.mark.parametrize("below", ["/json/../secret", "/devtools/inspector.html", "/json/unknown", "/etc"])
async def test_nothing_else_in_the_machine_is_reached(
    gateway: Gateway, machine: Any, browser: Browser, below: str
) -> None:
    assert (await get(gateway, token(), below)).status_code == 404
    with pytest.raises(InvalidStatus) as refused:
        async with socket(gateway, token(), below):
            pass
    assert refused.value.response.status_code == 404
    assert browser.asked == []


async def test_a_page_that_is_gone_is_a_clear_refusal(gateway: Gateway, machine: Any) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with socket(gateway, token(), "/devtools/page/GONE"):
            pass
    assert refused.value.response.status_code == 502
    assert b"does not know this page" in refused.value.response.body


async def test_a_lost_guest_ends_its_clients_at_once(gateway: Gateway, machine: Any) -> None:
    async with socket(gateway, token()) as whole:
        await whole.send("hello")
        await whole.recv()
        await machine.hang_up()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(whole.recv(), 5)
    assert (await get(gateway, token(), "/json/version")).status_code == 503


async def test_a_guest_of_before_streams_is_told_apart(gateway: Gateway, connect: Connect) -> None:
    await connect("old-1", flavour="browser", protocol=1)

    answer = await get(gateway, token(subject="old-1"), "/json/version")

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "unsupported")


async def test_an_ubuntu_has_no_browser(gateway: Gateway, connect: Connect) -> None:
    await connect("u-1", flavour="ubuntu")
    assert (await get(gateway, token(subject="u-1"), "/json/version")).status_code == 502


async def test_what_a_machine_answers_to_a_handshake_never_reaches_the_client(
    gateway: Gateway, connect: Connect
) -> None:
    async def hostile(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: sessionid=mine\r\nContent-Length: 5\r\n\r\nhello")

    async with await asyncio.start_server(hostile, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await connect("h-1", flavour="browser", answering=opening_streams(gateway, "h-1", cdp_port=port))
        with pytest.raises(InvalidStatus) as refused:
            async with socket(gateway, token(subject="h-1"), PAGE):
                pass
    assert refused.value.response.status_code == 502
    assert "Set-Cookie" not in refused.value.response.headers


async def test_a_stream_that_nobody_asked_for_is_refused(gateway: Gateway, machine: Any) -> None:
    for stream_id in ("A" * 32, "../../secret"):
        with pytest.raises(InvalidStatus) as refused:
            async with dial(
                gateway.guest_socket,
                f"{MACHINE}/stream/{stream_id}",
                token=tokens.derive(SECRET, purpose="guest", subject=MACHINE),
            ):
                pass
        assert refused.value.response.status_code == 403


async def test_a_guest_cannot_bring_anothers_stream(gateway: Gateway, connect: Connect, browser: Browser) -> None:
    """It learns the number of a stream that was asked of another, and dials it with its own token."""
    learnt: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    tried = asyncio.Event()

    async def tell(call: dict[str, Any]) -> Frame:
        learnt.set_result(call["args"]["stream_id"])
        await tried.wait()
        return {"ok": False, "error": {"code": "failed", "message": "no"}}, b""

    await connect("victim-1", flavour="browser", answering=tell)
    await connect("thief-1", flavour="browser")
    asking = asyncio.create_task(get(gateway, token(subject="victim-1"), "/json/version"))
    stream_id = await asyncio.wait_for(learnt, 10)
    for claimed in ("victim-1", "thief-1"):
        with pytest.raises(InvalidStatus):
            own = tokens.derive(SECRET, purpose="guest", subject="thief-1")
            async with dial(gateway.guest_socket, f"{claimed}/stream/{stream_id}", token=own):
                pass
    tried.set()
    assert (await asking).status_code == 502


async def test_streams_of_one_machine_are_counted(gateway: Gateway, machine: Any) -> None:
    open_sockets = []
    try:
        with pytest.raises(InvalidStatus) as refused:
            for _ in range(80):
                open_sockets.append(await socket(gateway, token(), PAGE))
        assert refused.value.response.status_code in (429, 502)
        assert len(open_sockets) == 64
    finally:
        await asyncio.gather(*(each.close() for each in open_sockets))

    async def answers_again() -> bool:
        return (await get(gateway, token(), "/json/version")).status_code == 200

    await until(answers_again)


async def test_a_client_that_reads_nothing_holds_up_only_itself(
    gateway: Gateway, machine: Any, browser: Browser
) -> None:
    """What it does not read waits inside its machine, and goes with it; the gateway's memory stays as it was."""

    def resident() -> int:
        return int(Path(f"/proc/{gateway.pid}/statm").read_text().split()[1]) * 4096

    async with (
        ws_connect(address(gateway, token(), PAGE), max_size=None, proxy=None, compression=None, max_queue=1) as lazy,
        socket(gateway, token(), PAGE) as brisk,
    ):
        before = resident()
        flood = asyncio.create_task(_flood(lazy))
        for number in range(100):
            await brisk.send(str(number))
            assert await asyncio.wait_for(brisk.recv(), 10) == str(number)
        assert resident() - before < 20 * 1024 * 1024
        flood.cancel()
        lazy.transport.abort()
    await until(lambda: browser.sockets == 0)


async def _flood(connection: Any) -> None:
    while True:
        await connection.send(b"x" * 1_000_000)
