"""The live view as people use it: a real browser shows a real desktop, drives it, and finds back when things break."""

from __future__ import annotations

import base64
import io
import json
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as ws_connect

from infra.embedded.processes import wait_until
from tests.faces.conftest import chromium
from tests.stack import Stack
from tests.walks.conftest import Desk

pytestmark = [pytest.mark.stack, pytest.mark.machine]
SOON_MS = 30_000
PAINT_GREEN = r"printf '\033]11;#008000\007'"
"""Typed into a terminal: its background is green from then on."""


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """A running ubuntu instance for all of these."""
    with stack.client() as http:
        made = http.post("/api/instances", json={"name": "seen", "instance_type": "ubuntu"}).json()
        desk = Desk(http, made["id"], made)
        desk.wait("running")
        yield desk
        desk.delete()


@pytest.fixture
def open_view(chromium: Browser, desk: Desk, stack: Stack) -> Iterator[Any]:
    """`open_view(mode=…)`: a page of its own for each call. It fails on what a page asks of anybody but us."""
    contexts, strangers, complaints = [], [], []

    def opened(*, mode: str = "drive", url: str = "", **options: Any) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.on("request", lambda asked: None if asked.url.startswith(ours) else strangers.append(asked.url))
        page = context.new_page()
        page.on("dialog", lambda asked: asked.accept())
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        page.goto(url or desk.http.get(f"/api/instances/{desk.id}/view?mode={mode}").json()["url"])
        return page

    ours = (stack.url, "data:", "blob:")
    yield opened
    for context in contexts:
        context.close()
    assert not strangers and not complaints, (strangers, complaints)


def live(page: Page) -> Page:
    expect(page.locator("#status")).to_have_text("Live", timeout=SOON_MS)
    expect(page.locator("#screen canvas")).to_be_visible()
    return page


def take(page: Page) -> None:
    page.get_by_role("button", name="Take control").click()
    expect(page.get_by_role("button", name="Give back")).to_be_visible(timeout=SOON_MS)


def type_into(page: Page, text: str) -> None:
    page.locator("#screen canvas").click(position={"x": 400, "y": 300})
    page.keyboard.type(text, delay=15)
    page.keyboard.press("Enter")


def holds(desk: Desk, name: str) -> bool:
    return desk.shell(f"cat {name} 2>/dev/null")["stdout"] == "seen\n"


def test_a_person_takes_over_and_types_and_agents_wait(open_view: Any, desk: Desk) -> None:
    page = live(open_view())
    assert desk.http.get(f"/api/instances/{desk.id}/view/driver").json() == {"driver": None}
    assert not is_green(desk.screen())
    take(page)
    type_into(page, PAINT_GREEN)
    wait_until(lambda: is_green(desk.screen()), timeout_s=20, what="what was typed, on the screen", every_s=0.2)
    wait_until(lambda: is_green(shown_by(page)), timeout_s=20, what="the same in the page", every_s=0.2)

    driver = desk.http.get(f"/api/instances/{desk.id}/view/driver").json()["driver"]
    assert driver["name"]
    refused = desk.http.post(f"/api/instances/{desk.id}/actions", json={"type": "click", "x": 5, "y": 5})
    assert (refused.status_code, refused.json()["code"]) == (409, "DRIVEN")
    page.get_by_role("button", name="Give back").click()
    expect(page.get_by_role("button", name="Take control")).to_be_visible(timeout=SOON_MS)
    desk.act(type="move", x=5, y=5)
    said = [log["message"] for log in desk.http.get(f"/api/instances/{desk.id}/logs?limit=50").json()["results"]]
    assert any("took over the desktop" in message for message in said)
    assert any("gave the desktop back" in message for message in said)


def is_green(picture: Image.Image) -> bool:
    """Whether the terminal's background is: it covers the middle of the desktop's upper left."""
    found: Any = picture.getpixel((picture.width // 4, picture.height // 4))
    return all(abs(have - want) < 16 for have, want in zip(found, (0, 128, 0), strict=True))


def shown_by(page: Page) -> Image.Image:
    content = page.locator("#screen canvas").screenshot()
    return Image.open(io.BytesIO(content)).convert("RGB")


def test_a_desktop_becomes_as_large_as_the_window_of_who_drives(open_view: Any, ask: Any) -> None:
    desk = ask("ubuntu")
    desk.wait("running")
    url = desk.http.get(f"/api/instances/{desk.id}/view").json()["url"]
    page = live(open_view(url=url, viewport={"width": 900, "height": 700}))
    take(page)
    page.get_by_role("button", name="Resize").click()
    wait_until(lambda: desk.screen().width <= 900, timeout_s=20, what="the window's width", every_s=0.2)
    page.set_viewport_size({"width": 1100, "height": 800})
    wait_until(lambda: 900 < desk.screen().width <= 1100, timeout_s=20, what="the larger width", every_s=0.2)


def test_whoever_watches_cannot_type_whatever_the_page_says(open_view: Any, desk: Desk) -> None:
    page = live(open_view(mode="watch"))
    expect(page.locator("#drive")).to_be_disabled()
    shown = page.evaluate("location.hash.slice(1)")
    answer = httpx.post(
        urllib.parse.urljoin(page.url, "/view/wheel"),
        json={"token": shown, "viewer": "0123456789abcdef", "wish": "force"},
        trust_env=False,
    )
    assert answer.status_code == 403
    type_into(page, "echo seen > by-a-watcher")
    # Another page drives and types later; what the watcher sent would have come before.
    other = live(open_view())
    take(other)
    type_into(other, "echo seen > by-a-driver")
    wait_until(lambda: holds(desk, "by-a-driver"), timeout_s=20, what="what the driver typed", every_s=0.2)
    assert not holds(desk, "by-a-watcher")
    expect(page.locator("#driver")).to_contain_text("drives this desktop")


def test_the_clipboard_goes_both_ways(open_view: Any, desk: Desk) -> None:
    page = live(open_view())
    take(page)
    page.get_by_role("button", name="Clipboard", exact=True).click()
    page.locator("#clipboard-text").fill("from the page")
    page.locator("#clipboard-send").click()
    wait_until(
        lambda: "from the page" in desk.shell("timeout 2 xclip -o -selection clipboard")["stdout"],
        timeout_s=20,
        what="the clipboard inside",
        every_s=0.2,
    )
    desk.shell("printf 'from inside' | timeout 20 xclip -i -selection clipboard >/dev/null 2>&1 &")
    expect(page.locator("#clipboard-text")).to_have_value("from inside", timeout=SOON_MS)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Screenshot").click()
    assert saved.value.suggested_filename.endswith(".png")


def test_a_phone_types_with_its_own_keyboard(open_view: Any, desk: Desk) -> None:
    page = live(
        open_view(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    )
    last = page.get_by_role("button", name="Full screen").bounding_box()
    assert last["x"] + last["width"] <= 390, "the buttons are wider than the phone"
    word = page.get_by_role("button", name="Take control")
    assert word.evaluate("it => it.scrollWidth <= it.clientWidth"), "a button cuts its own word"
    take(page)
    page.locator("#screen canvas").tap()
    page.get_by_role("button", name="Keys").tap()
    page.locator("#soft").tap()
    page.keyboard.insert_text("echo seen > by-phone\n")
    wait_until(lambda: holds(desk, "by-phone"), timeout_s=20, what="what the phone typed", every_s=0.2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the phone"


@pytest.mark.parametrize("victim", ["gateway", "web"])
def test_the_view_finds_back_after_a_kill(open_view: Any, desk: Desk, stack: Stack, victim: str) -> None:
    page = live(open_view())
    take(page)
    stack.kill(victim)
    expect(page.locator("#status")).not_to_have_text("Live", timeout=SOON_MS)
    live(page)
    expect(page.get_by_role("button", name="Give back")).to_be_visible(timeout=SOON_MS)
    stack.await_healthy()


def test_the_page_tells_that_the_instance_stopped_and_shows_it_again(open_view: Any, desk: Desk, stack: Stack) -> None:
    page = live(open_view())
    desk.order("stop")
    expect(page.locator("#headline")).to_have_text("Stopped", timeout=SOON_MS)
    desk.order("start")
    live(page)
    secret = page.evaluate("location.hash").rpartition(".")[2]
    for log in (stack.state_dir / "logs").iterdir():
        assert secret not in log.read_text(errors="replace"), log.name


def test_pictures_come_while_something_moves_and_not_while_nothing_does(desk: Desk) -> None:
    desk.wait("running")
    url = desk.http.get(f"/api/instances/{desk.id}/frames").json()["url"]
    with ws_connect(f"{url}?max_fps=20", proxy=None, max_size=None) as screen:
        assert Image.open(io.BytesIO(screen.recv(timeout=20))).size == (1280, 800)
        until_quiet(screen)
        desk.act(type="type", text="# something moves")
        assert screen.recv(timeout=10).startswith(b"\xff\xd8")
        until_quiet(screen)


def test_the_same_pictures_come_as_events_at_the_one_port(desk: Desk) -> None:
    desk.wait("running")
    url = desk.http.get(f"/api/instances/{desk.id}/frames").json()["events_url"]
    with httpx.stream("GET", f"{url}?max_fps=20", trust_env=False, timeout=20) as screen:
        pictures = (base64.b64decode(line[6:]) for line in screen.iter_lines() if line.startswith("data: "))
        assert Image.open(io.BytesIO(next(pictures))).size == (1280, 800)
        desk.act(type="type", text="# something moves")
        assert next(pictures).startswith(b"\xff\xd8")


def until_quiet(screen: ClientConnection) -> None:
    for _ in range(200):
        try:
            screen.recv(timeout=1.5)
        except TimeoutError:
            return
    raise AssertionError("pictures never ceased")


def test_links_that_open_nothing_say_so(open_view: Any, desk: Desk, stack: Stack) -> None:
    good = desk.http.get(f"/api/instances/{desk.id}/view").json()["url"]
    for url in (f"{stack.url}/view", good[:-4] + "AAAA"):
        expect(open_view(url=url).locator("#headline")).to_have_text(
            re.compile("opens nothing|expired"), timeout=SOON_MS
        )
    answer = httpx.post(f"{stack.url}/view/session", content=b"{}", trust_env=False)
    assert (answer.status_code, json.loads(answer.content)["code"]) == (400, "INVALID")


__all__ = ["chromium"]
