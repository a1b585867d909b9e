"""Browsers of instances, driven over DevTools by clients that know nothing of us, at the platform's one port."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import pytest
from cdp_use.client import CDPClient
from playwright.async_api import Browser, async_playwright
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as ws_connect

from infra.embedded.paths import CHECKOUT
from infra.embedded.processes import wait_until
from tests.stack import Stack
from tests.walks.conftest import Desk

pytestmark = [pytest.mark.stack, pytest.mark.machine]
PUPPETEER = CHECKOUT / "tests" / "js" / "puppeteer.mjs"
LONG = 50_000_000


def apart(journey: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it on a loop of its own: Playwright's other tests hold this thread's."""
    asyncio.run(journey())


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Any:
    """A running browser instance for all of these."""
    with stack.client() as http:
        made = http.post("/api/instances", json={"name": "cdp", "instance_type": "browser"}).json()
        desk = Desk(http, made["id"], made)
        desk.wait("running")
        yield desk
        desk.delete()


def test_playwright_works_unmodified_and_so_does_a_second_one_beside_it(desk: Desk) -> None:
    async def journey() -> None:
        async with async_playwright() as playwright:
            found = desk.http.get(f"/api/instances/{desk.id}/cdp").json()
            first = await playwright.chromium.connect_over_cdp(found["http_url"])
            second = await playwright.chromium.connect_over_cdp(desk.read()["cdp_url"])
            titles = await asyncio.gather(*(_titled(browser, f"page {n}") for n, browser in enumerate((first, second))))
            assert titles == ["page 0", "page 1"]
            page = await first.contexts[0].new_page()
            content = await page.evaluate(f"'x'.repeat({LONG})")
            assert len(content) == LONG, "a page that sends 50 MB"
            await page.close()
            await first.close()
            assert await _titled(second, "still here") == "still here"

    apart(journey)


async def _titled(browser: Browser, title: str) -> str:
    page = await browser.contexts[0].new_page()
    await page.set_content(f"<title>{title}</title><h1>{title}</h1>")
    found = await page.title()
    await page.close()
    return found


def test_browser_use_s_own_client_works_unmodified_and_so_does_a_second_one(desk: Desk) -> None:
    base = desk.http.get(f"/api/instances/{desk.id}/cdp").json()["http_url"]
    version = httpx.get(f"{base}/json/version", trust_env=False, timeout=30).json()  # as browser-use finds its way

    async def journey() -> None:
        async with CDPClient(version["webSocketDebuggerUrl"]) as first, CDPClient(desk.read()["cdp_url"]) as second:
            made = await first.send.Target.createTarget({"url": "data:text/html,<title>used</title>"})
            attached = await first.send.Target.attachToTarget({"targetId": made["targetId"], "flatten": True})
            long: Any = {"expression": f"'x'.repeat({LONG})", "returnByValue": True}
            answer = await first.send.Runtime.evaluate(long, session_id=attached["sessionId"])
            assert len(answer["result"]["value"]) == LONG
            seen = (await second.send.Target.getTargets())["targetInfos"]
            assert made["targetId"] in [target["targetId"] for target in seen]
            assert (await second.send.Target.closeTarget({"targetId": made["targetId"]}))["success"]

    apart(journey)


def test_puppeteer_works_unmodified(desk: Desk) -> None:
    done = subprocess.run(
        ["node", str(PUPPETEER), desk.read()["cdp_url"]], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["title"], found["long"]) == ("typed by puppeteer", LONG)
    assert found["picture"] > 1_000


def test_pages_are_opened_and_listed_over_plain_http(desk: Desk) -> None:
    base = desk.http.get(f"/api/instances/{desk.id}/cdp").json()["http_url"]
    with httpx.Client(trust_env=False, timeout=30) as anybody:
        opened = anybody.put(f"{base}/json/new?about:blank#by-hand").json()
        assert opened["webSocketDebuggerUrl"].startswith("ws" + base.removeprefix("http"))
        assert opened["id"] in [page["id"] for page in anybody.get(f"{base}/json/list").json()]
        assert anybody.get(f"{base}/json/close/{opened['id']}").status_code == 200
        forged = base[:-4] + "AAAA"
        assert anybody.get(f"{forged}/json/version").status_code == 403


@pytest.mark.parametrize("victim", ["gateway", "web"])
def test_a_killed_process_ends_a_session_clearly_and_lets_in_again(desk: Desk, stack: Stack, victim: str) -> None:
    async def journey() -> None:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.connect_over_cdp(desk.read()["cdp_url"])
            gone = asyncio.Event()
            browser.on("disconnected", lambda _: gone.set())
            await asyncio.to_thread(stack.kill, victim)
            await asyncio.wait_for(gone.wait(), 10)
            assert not browser.is_connected()
            address = await asyncio.to_thread(_address_again, desk)
            again = await playwright.chromium.connect_over_cdp(address)
            assert await _titled(again, "again") == "again"

    apart(journey)


def _address_again(desk: Desk) -> str:
    """A patient client: until the address it is given lets it in."""

    def lets_in() -> bool:
        try:
            found = desk.http.get(f"/api/instances/{desk.id}/cdp", timeout=10)
            return httpx.get(f"{found.json()['http_url']}/json/version", timeout=10, trust_env=False).status_code == 200
        except (httpx.HTTPError, KeyError):
            return False

    wait_until(lets_in, timeout_s=60, what="the way to the browser", every_s=0.2)
    address: str = desk.http.get(f"/api/instances/{desk.id}/cdp").json()["http_url"]
    return address


def test_a_revoked_key_ends_all_that_was_opened_by_it(desk: Desk, stack: Stack) -> None:
    made = desk.http.post("/api/keys", json={"name": "short-lived"}).raise_for_status().json()
    with httpx.Client(base_url=stack.url, headers={"X-Api-Key": made["api_key"]}, trust_env=False) as short_lived:
        of = f"/api/instances/{desk.id}"
        cdp = short_lived.get(f"{of}/cdp").json()
        frames = short_lived.get(f"{of}/frames").json()["url"]
        shown = short_lived.get(f"{of}/view").json()["url"].partition("#")[2]
    theirs = desk.http.get(f"{of}/cdp").json()["cdp_url"]
    with ExitStack() as open_sockets:
        browser, screen, page, others = (
            open_sockets.enter_context(ws_connect(url, proxy=None, max_size=None))
            for url in (cdp["cdp_url"], frames, stack.url.replace("http", "ws") + "/view/socket", theirs)
        )
        page.send(json.dumps({"token": shown, "viewer": "0123456789abcdef"}))
        assert json.loads(page.recv(timeout=20))["kind"] == "ready"
        screen.recv(timeout=20)
        assert _asked(browser) == _asked(others)

        desk.http.delete(f"/api/keys/{made['id']}").raise_for_status()

        for socket in (browser, screen, page):
            _read_to_the_end(socket, within_s=30)
        assert _asked(others), "another key's goes on"
    answer = httpx.get(f"{cdp['http_url']}/json/version", timeout=30, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ended")


def _asked(browser: ClientConnection) -> Any:
    browser.send('{"id": 1, "method": "Browser.getVersion"}')
    return json.loads(browser.recv(timeout=20))["result"]["product"]


def _read_to_the_end(socket: ClientConnection, *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    with suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=deadline - time.monotonic())


def test_a_stop_ends_the_session_and_its_address_and_no_log_tells_it(desk: Desk, stack: Stack) -> None:
    found = desk.http.get(f"/api/instances/{desk.id}/cdp").json()

    async def journey() -> None:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.connect_over_cdp(found["http_url"])
            gone = asyncio.Event()
            browser.on("disconnected", lambda _: gone.set())
            await asyncio.to_thread(desk.order, "stop")
            await asyncio.wait_for(gone.wait(), 30)

    apart(journey)
    desk.wait("stopped")
    answer = httpx.get(f"{found['http_url']}/json/version", timeout=30, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_connected")
    assert desk.read()["cdp_url"] is None
    assert desk.http.get(f"/api/instances/{desk.id}/cdp").status_code == 409
    secret = found["http_url"].rpartition(".")[2]
    for log in (stack.state_dir / "logs").iterdir():
        assert secret not in log.read_text(errors="replace"), log.name
