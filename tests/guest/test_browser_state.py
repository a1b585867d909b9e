"""A browser's logins, read from a real Chromium and written into it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import msgspec
import pytest

from guest.protocol import browser_state
from guest.protocol.browser_state import BrowserState, Cookie, Item, Origin
from tests.guest.desk import Desk

pytestmark = pytest.mark.machine

LOGIN = BrowserState(
    cookies=[
        Cookie(name="sid", value="s3cret", domain="shop.example", http_only=True, secure=True, same_site="Strict"),
        Cookie(name="lang", value="de", domain=".example.org", expires=4_000_000_000),
    ],
    origins=[
        Origin(origin="https://shop.example", local_storage=[Item(name="cart", value="drei Äpfel €")]),
        Origin(origin="https://other.example:8443", local_storage=[Item(name="a", value="b")]),
    ],
)


def _pages(browser: Desk) -> list[str]:
    port = json.loads((browser.runtime.parent / "guest.json").read_text())["cdp_port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
        return [page["id"] for page in json.load(answer) if page["type"] == "page"]


async def _read(browser: Desk) -> BrowserState:
    header, blob = await browser.line.call("read_browser", {})
    assert header["ok"], header
    return browser_state.parse(json.loads(blob))


async def _write(browser: Desk, state: Any) -> dict[str, Any]:
    header, _ = await browser.line.call("write_browser", state)
    return header


async def test_what_is_written_into_a_browser_is_read_from_it(browser: Desk) -> None:
    before = _pages(browser)
    assert (await _write(browser, json.loads(msgspec.json.encode(LOGIN))))["ok"]
    found = await _read(browser)
    kept = {(cookie.domain, cookie.name): cookie for cookie in found.cookies}
    assert kept["shop.example", "sid"] == LOGIN.cookies[0]
    assert kept[".example.org", "lang"].expires > 1_700_000_000
    # Of sites that no page shows, those with cookies are looked at: the other one's storage is there, and not seen.
    assert LOGIN.origins[0] in found.origins and LOGIN.origins[1] not in found.origins
    assert _pages(browser) == before, "a page was left behind, or came"


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"cookies": [{"name": "a", "value": "s3cret"}]}, "bad_action"),
        ({"cookies": [{"name": "a;b", "value": "s3cret", "domain": "shop.example"}]}, "bad_action"),
        ({"origins": [{"origin": "about:blank", "localStorage": []}]}, "bad_action"),
    ],
)
async def test_what_a_browser_does_not_take_is_refused_without_its_secrets(
    browser: Desk, state: dict[str, Any], code: str
) -> None:
    header = await _write(browser, state)
    assert header["error"]["code"] == code
    assert "s3cret" not in json.dumps(header)


async def test_a_desktop_without_a_browser_has_no_state(ubuntu: Desk) -> None:
    header, _ = await ubuntu.line.call("read_browser", {})
    assert header["error"]["code"] == "unsupported"
