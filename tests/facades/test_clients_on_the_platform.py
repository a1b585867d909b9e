"""Other services' own client libraries, unmodified, against the whole running platform."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import httpx
import pytest
from cyberdesk import CyberdeskClient, actions
from PIL import Image
from playwright.sync_api import sync_playwright
from scrapybara import Scrapybara

from infra.embedded.processes import wait_until
from tests.stack import Stack

pytestmark = pytest.mark.stack
GREEN = (0, 128, 0)


def _screen(client: CyberdeskClient, desktop: str) -> Image.Image:
    done = client.execute_computer_action(desktop, actions.screenshot())
    content = base64.b64decode(done.base64_image, validate=True)
    return Image.open(io.BytesIO(content), formats=["JPEG"]).convert("RGB")


def _is_green(picture: Image.Image) -> bool:
    found: Any = picture.getpixel((640, 500))
    return all(abs(have - want) < 12 for have, want in zip(found, GREEN, strict=True))


def test_cyberdesk_s_client_drives_a_desktop_from_launch_to_end(stack: Stack) -> None:
    client = CyberdeskClient(api_key=stack.api_key, base_url=stack.url)
    desktop = str(client.launch_desktop(timeout_ms=600_000).id)
    brief = client.launch_desktop(timeout_ms=15_000).id
    try:
        wait_until(lambda: client.get_desktop(desktop).status == "running", timeout_s=120, what="running", every_s=0.2)
        _drive(client, desktop)
        wait_until(lambda: client.get_desktop(brief).status == "terminated", timeout_s=120, what="its end", every_s=0.2)
    finally:
        ended = client.terminate_desktop(desktop)
    assert ended.status == client.get_desktop(desktop).status == "terminated"
    refused = client.execute_computer_action(desktop, actions.screenshot())
    assert refused.status == "error"


def _drive(client: CyberdeskClient, desktop: str) -> None:
    def do(action: Any) -> Any:
        done = client.execute_computer_action(desktop, action)
        assert type(done).__name__.endswith("Response200"), done
        return done

    assert _screen(client, desktop).size == (1280, 800)
    do(actions.move_mouse(111, 222))
    assert do(actions.get_cursor_position()).output.splitlines()[:2] == ["X=111", "Y=222"]
    do(actions.click_mouse(x=640, y=400))
    do(actions.drag_mouse(700, 500, 720, 520))
    do(actions.scroll(actions.ScrollDirection.DOWN, 3))

    def opened() -> bool:
        """Keys that a browser gets before its window is drawn are lost, so somebody who sees no page types again."""
        do(actions.press_keys(["Control", "l"]))
        do(actions.type_text("data:text/html,<body style='background:rgb(0,128,0)'>"))
        do(actions.press_keys("Enter"))
        do(actions.wait(1_500))
        return _is_green(_screen(client, desktop))

    wait_until(opened, timeout_s=60, what="the page", every_s=0.2)

    assert client.execute_bash_action(desktop, "echo out; echo err >&2").output == "out"
    assert client.execute_bash_action(desktop, "echo err >&2; exit 3").output == "err"
    seen = asyncio.run(client.async_execute_bash_action(desktop, "uname -s"))
    assert (seen["status"], seen.output) == ("success", "Linux")


def test_what_the_whole_platform_refuses_is_in_the_dialect_s_words(stack: Stack) -> None:
    headers = {"x-api-key": stack.api_key}
    with httpx.Client(base_url=stack.url, headers=headers, trust_env=False, timeout=30) as http:
        too_long = http.post("/v1/desktop", content=b"x" * (3 * 1024 * 1024))
        unknown = http.get("/v1/desktop/")
    assert (too_long.status_code, unknown.status_code) == (400, 404)
    assert too_long.json()["status"] == unknown.json()["status"] == "error"


def test_scrapybara_s_client_works_on_an_ubuntu(stack: Stack) -> None:
    client = Scrapybara(base_url=stack.url, api_key=stack.api_key, timeout=120)
    desk: Any = client.start_ubuntu(timeout_hours=1, resolution=[1024, 768])
    try:
        wait_until(lambda: client.get(desk.id).status == "running", timeout_s=120, what="running", every_s=0.2)
        shown = base64.b64decode(desk.computer(action="move_mouse", coordinates=[11, 22]).base_64_image)
        assert Image.open(io.BytesIO(shown)).size == (1024, 768)
        assert desk.computer(action="get_cursor_position").output == "X=11,Y=22"
        desk.edit(command="create", path="note.txt", file_text="one\ntwo\n")
        desk.edit(command="str_replace", path="note.txt", old_str="two", new_str="zwei")
        assert desk.file(command="read", path="note.txt").output == "one\nzwei\n"
        _work_on_files_and_variables(desk)
        assert base64.b64decode(desk.screenshot().base_64_image).startswith(b"\x89PNG")
        assert httpx.get(desk.get_stream_url().stream_url, trust_env=False, timeout=30).status_code == 200
        desk.pause()
        wait_until(lambda: client.get(desk.id).status == "paused", timeout_s=60, what="paused", every_s=0.2)
        desk.resume()
        wait_until(lambda: client.get(desk.id).status == "running", timeout_s=60, what="running again", every_s=0.2)
        assert desk.bash(command="cat note.txt").output.strip() == "one\nzwei"
    finally:
        assert desk.stop().status == "terminated"
    assert client.get(desk.id).status == "terminated"


def _work_on_files_and_variables(desk: Any) -> None:
    desk.edit(command="insert", path="note.txt", insert_line=1, new_str="between\n")
    assert "between" in desk.edit(command="view", path="note.txt").output
    desk.edit(command="undo_edit", path="note.txt")
    assert desk.file(command="read", path="note.txt").output == "one\nzwei\n"
    desk.upload(file=("x.bin", b"\x00\xff"), path="x.bin")
    assert desk.bash(command="wc -c < x.bin").output.strip() == "2"
    assert base64.b64decode(desk.file(command="read", path="x.bin", mode="rb").output) == b"\x00\xff"
    desk.file(command="write", path="y.txt", content="written")
    assert desk.bash(command="cat y.txt").output == "written"
    desk.env.set(variables={"GREETING": "hello"})
    assert desk.bash(command="echo $GREETING").output.strip() == "hello"
    assert desk.env.get().variables["GREETING"] == "hello"
    desk.env.delete(keys=["GREETING"])
    assert "GREETING" not in desk.env.get().variables


def test_scrapybara_s_client_hands_a_browser_to_playwright(stack: Stack) -> None:
    client = Scrapybara(base_url=stack.url, api_key=stack.api_key, timeout=120)
    browser: Any = client.start_browser()
    try:
        wait_until(lambda: client.get(browser.id).status == "running", timeout_s=120, what="running", every_s=0.2)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.connect_over_cdp(browser.get_cdp_url().cdp_url)
            page = chromium.contexts[0].pages[0]
            page.goto("data:text/html,<title>here</title>")
            assert page.title() == "here"
            chromium.close()
        assert browser.get_current_url().current_url.startswith("data:text/html")
        _log_in_elsewhere(stack, client, browser)
        assert client._base_client.browser.stop(browser.id).status == "stopped"
        assert browser.get_current_url().current_url == "about:blank"
    finally:
        browser.stop()


def _log_in_elsewhere(stack: Stack, client: Scrapybara, browser: Any) -> None:
    """A login at a site, saved and taken into another browser, which the site then knows by cookie and storage."""
    _visit(stack, browser, "document.cookie = 'sid=1234; max-age=9999'; localStorage.setItem('cart', 'full')")
    saved = browser.save_auth(name="shop")
    assert (saved.status, [state.name for state in client.get_auth_states()]) == ("success", ["shop"])
    other: Any = client.start_browser()
    try:
        wait_until(lambda: client.get(other.id).status == "running", timeout_s=120, what="running", every_s=0.2)
        assert other.authenticate(auth_state_id=saved.auth_state_id).status == "success"
        assert _visit(stack, other, "[document.cookie, localStorage.getItem('cart')]") == ["sid=1234", "full"]
    finally:
        other.stop()
    assert browser.modify_auth(auth_state_id=saved.auth_state_id, name="shop, again").name == "shop, again"


def _visit(stack: Stack, browser: Any, script: str) -> Any:
    """What `script` says in a page of a site that is served inside the machine."""
    with stack.client() as http:
        action = {"type": "bash", "command": _SERVE}
        http.post(f"/api/instances/{browser.id}/actions", json=action).raise_for_status()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.connect_over_cdp(browser.get_cdp_url().cdp_url)
        page = chromium.contexts[0].pages[0]
        page.goto("http://127.0.0.1:8765/")
        said = page.evaluate(script)
        chromium.close()
    return said


_SERVE = """
setsid python3 -m http.server -d /opt --bind 127.0.0.1 8765 >/dev/null 2>&1 &
for _ in $(seq 100); do (echo > /dev/tcp/127.0.0.1/8765) 2>/dev/null && break; sleep 0.1; done
"""
