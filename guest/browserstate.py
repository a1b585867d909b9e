"""Reads a browser's logins and writes them into one: cookies, and the local storage of the sites it was at."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import msgspec

from guest.desktop.base import bad_action, failed
from guest.devtools import DevTools, devtools
from guest.protocol.browser_state import ORIGINS, BadState, BrowserState, parse

_WITHIN_S = 20.0
_EMPTY_PAGE = "PCFkb2N0eXBlIGh0bWw+"
"""`<!doctype html>` in base64: what a site's address shows while its storage is looked at. Nobody is asked for it."""
_WRITE = "(items => {{ for (const [name, value] of items) localStorage.setItem(name, value) }})({items})"
_COOKIE_FIELDS = ("name", "value", "domain", "path", "expires", "httpOnly", "secure", "sameSite")


async def read_state(port: int) -> bytes:
    """The browser's state as JSON.

    Its sites are those that its pages show or came from, and those that have cookies: Chromium has no list of who
    keeps local storage. Raises `ActionFailed`.
    """
    async with devtools(port, within_s=_WITHIN_S) as browser:
        held = (await browser.ask("Storage.getCookies"))["cookies"]
        cookies = [cookie for cookie in held if "partitionKey" not in cookie]  # theirs is the site around, too
        origins = await _origins(browser, cookies)
        async with _Visitor(browser) as visitor:
            stored = [kept for origin in origins[:ORIGINS] if (kept := await visitor.read(origin))["localStorage"]]
    state = {"cookies": [_told(cookie) for cookie in cookies], "origins": stored}
    try:
        return msgspec.json.encode(parse(state))
    except BadState as error:
        raise failed(f"the browser's state cannot be kept: {error}") from error


async def write_state(port: int, value: object) -> None:
    """Add a state to what the browser has; pages that are open know of it when they are loaded again.

    Raises:
        ActionFailed: it is no state, or the browser does not take it.
    """
    try:
        state = parse(value)
    except BadState as error:
        raise bad_action(str(error)) from error
    async with devtools(port, within_s=_WITHIN_S) as browser:
        if state.cookies:
            await browser.ask("Storage.setCookies", cookies=[_wished(cookie) for cookie in _plain(state)["cookies"]])
        async with _Visitor(browser) as visitor:
            for origin in state.origins:
                await visitor.write(origin.origin, [(item.name, item.value) for item in origin.local_storage])


class _Visitor:
    """A page of its own behind the others, which is at a site without the site's being asked for anything."""

    def __init__(self, browser: DevTools) -> None:
        self._browser = browser
        self._target = self._session = ""

    async def __aenter__(self) -> _Visitor:
        ask = self._browser.ask
        # Hidden: people who watch see no tab come and go; it ends with this connection, whatever becomes of us.
        made = await ask("Target.createTarget", url="about:blank", background=True, hidden=True)
        self._target = made["targetId"]
        attached = await ask("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        self._browser.answer_to(self._session, "Fetch.requestPaused", _empty_page)
        await ask("Network.enable", self._session)
        await ask("Network.setBypassServiceWorker", self._session, bypass=True)
        await ask("Fetch.enable", self._session, patterns=[{"urlPattern": "*"}])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._browser.ask("Target.closeTarget", targetId=self._target)

    async def read(self, origin: str) -> dict[str, Any]:
        """What it stores; nothing where the browser does not go there."""
        stored = await self._run("JSON.stringify(Object.entries(localStorage))") if await self._at(origin) else "[]"
        items = json.loads(str(stored))
        return {"origin": origin, "localStorage": [{"name": name, "value": value} for name, value in items]}

    async def write(self, origin: str, items: list[tuple[str, str]]) -> None:
        """Raises ActionFailed where the browser does not go there, or has no room."""
        if not await self._at(origin):
            raise failed(f"the browser does not go to {origin}")
        try:
            await self._run(_WRITE.format(items=json.dumps(items)))
        except _Thrown as error:
            raise failed(f"the browser does not store what belongs to {origin}") from error

    async def _at(self, origin: str) -> bool:
        went = await self._browser.ask("Page.navigate", self._session, url=f"{origin}/")
        if "errorText" in went:
            return False
        try:
            return bool(await self._run("localStorage.length, location.origin") == origin)
        except _Thrown:  # a site that may store nothing
            return False

    async def _run(self, script: str) -> Any:
        done = await self._browser.ask("Runtime.evaluate", self._session, expression=script, returnByValue=True)
        if "exceptionDetails" in done:
            raise _Thrown
        return done["result"].get("value")


class _Thrown(Exception):
    """The page's script failed. What it says is not told: it may repeat what was to be stored."""


def _empty_page(paused: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    html = [{"name": "Content-Type", "value": "text/html"}]
    answer = {"requestId": paused["requestId"], "responseCode": 200, "responseHeaders": html, "body": _EMPTY_PAGE}
    return [("Fetch.fulfillRequest", answer)]


async def _origins(browser: DevTools, cookies: list[dict[str, Any]]) -> list[str]:
    """Most likely first, each once."""
    addresses: list[str] = []
    for target in (await browser.ask("Target.getTargets"))["targetInfos"]:
        if target["type"] != "page":
            continue
        addresses.append(target["url"])
        async with browser.attached(target["targetId"]) as session:
            history = await browser.ask("Page.getNavigationHistory", session)
            addresses += [entry["url"] for entry in reversed(history["entries"])]
    addresses += [f"https://{cookie['domain'].lstrip('.')}" for cookie in cookies]
    parts = [urlsplit(address) for address in addresses]
    return list(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts if part.scheme in ("http", "https")))


def _told(cookie: dict[str, Any]) -> dict[str, Any]:
    """A cookie of Chromium's as a state has it."""
    return {name: cookie[name] for name in _COOKIE_FIELDS if name in cookie}


def _wished(cookie: dict[str, Any]) -> dict[str, Any]:
    """A state's cookie as Chromium takes it: one without an end does not say so."""
    return {name: value for name, value in cookie.items() if (name, value) != ("expires", -1)}


def _plain(state: BrowserState) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(state)
    return plain
