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
    try:
        wait_until(lambda: client.get_desktop(desktop).status == "running", timeout_s=120, what="running", every_s=0.2)
        _drive(client, desktop)
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
    do(actions.press_keys(["Control", "l"]))
    do(actions.type_text("data:text/html,<body style='background:rgb(0,128,0)'>"))
    do(actions.press_keys("Enter"))
    do(actions.wait(100))
    wait_until(lambda: _is_green(_screen(client, desktop)), timeout_s=20, what="the page", every_s=0.2)

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
