"""The browser's desktop: typing into a page, the window as it is painted, and its return after a crash."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image
from websockets.asyncio.client import connect

from tests.guest.desk import Desk, eventually
from tests.guest.texts import MANY_SCRIPTS, METHODS, MIXED, SIGNS

pytestmark = pytest.mark.machine

PAGE = "data:text/html,<meta charset=utf-8><textarea id=t autofocus style='position:fixed;inset:0'></textarea>"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(browser: Desk) -> AsyncIterator[Any]:
    """A textarea in Chromium, and a way to run a script in its page."""
    port = json.loads((browser.runtime.parent / "guest.json").read_text())["cdp_port"]
    [target] = [each for each in _targets(port) if each["type"] == "page"]
    async with connect(target["webSocketDebuggerUrl"], proxy=None, max_size=None) as line:

        async def run(script: str) -> Any:
            asked = {"id": 1, "method": "Runtime.evaluate", "params": {"expression": script, "returnByValue": True}}
            await line.send(json.dumps(asked))
            answer = json.loads(await asyncio.wait_for(line.recv(), 20))
            return answer["result"]["result"].get("value")

        await line.send(json.dumps({"id": 0, "method": "Page.navigate", "params": {"url": PAGE}}))
        await line.recv()
        await eventually(lambda: run("document.readyState == 'complete' && !!document.all.t"))
        await browser.act("click", x=500, y=500)
        await eventually(lambda: run("document.hasFocus() && document.activeElement == t"), what="the page has focus")
        yield run


def _targets(port: int) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
        return json.load(answer)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", [MIXED, SIGNS], ids=["mixed", "signs"])
async def test_chromium_gets_exactly_the_text(browser: Desk, page: Any, text: str, method: str) -> None:
    await page("t.value = ''; t.focus()")
    await browser.act("type", text=text, method=method)
    assert await eventually(lambda: _is(page, text), what=text)


async def test_chromium_gets_lines_and_a_long_text(browser: Desk, page: Any) -> None:
    await page("t.value = ''; t.focus()")
    text = "\n".join(f"{number}: {MANY_SCRIPTS}" for number in range(20))
    await browser.act("type", text=text)
    assert await eventually(lambda: _is(page, text), within_s=40, what="all lines")


async def test_chromium_fills_the_screen(browser: Desk) -> None:
    _, content = await browser.act("screenshot")
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    corners = pixels[[2, 2, -3, -3], [2, -3, 2, -3]].astype(int)
    assert (corners.sum(axis=1) > 100).all(), "a corner shows the bare, black desktop"


async def test_a_chromium_that_crashed_comes_back(browser: Desk, page: Any) -> None:
    port = json.loads((browser.runtime.parent / "guest.json").read_text())["cdp_port"]
    [chromium] = browser.children("--remote-debugging-port")
    before = _targets(port)[0]["id"]
    os.kill(chromium, signal.SIGKILL)

    def another() -> bool:
        try:
            return bool(_targets(port)[0]["id"] != before)
        except (OSError, IndexError):
            return False

    assert await eventually(another, within_s=30, what="another Chromium answers")


async def _is(page: Any, text: str) -> bool:
    return bool(await page("t.value") == text)
