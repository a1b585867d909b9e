"""The hands on a real desktop: what is clicked, pressed and seen, read back by other programs than ours."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image

from guest.protocol import results
from tests.guest.desk import TOKEN, Desk, desk, eventually, read_of

pytestmark = pytest.mark.machine


@pytest_asyncio.fixture(loop_scope="session")
async def watcher(ubuntu: Desk) -> AsyncIterator[Path]:
    """A window that covers the middle of the screen and writes each event it gets to a file."""
    heard = ubuntu.home / "heard"
    heard.write_text("")
    await ubuntu.bash("xev -geometry 500x400+200+150 > heard 2>&1 & echo $! > watcher", 10)
    await eventually(lambda: "VisibilityNotify" in heard.read_text(), what="xev is on the screen")
    await ubuntu.act("move", x=450, y=350)
    await eventually(lambda: ubuntu.tool("xdotool", "getwindowfocus", "getwindowname").startswith("Event Tester"))
    heard.write_text("")
    yield heard
    await ubuntu.bash("kill $(cat watcher)")


def count(heard: Path, *words: str) -> int:
    """How many events were heard that have all the words."""
    return sum(all(word in event for word in words) for event in heard.read_text().split("\n\n"))


def picture(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


@pytest.mark.parametrize(("button", "number"), [("left", 1), ("middle", 2), ("right", 3)])
async def test_each_button_clicks_where_it_is_told(ubuntu: Desk, watcher: Path, button: str, number: int) -> None:
    await ubuntu.act("click", x=460, y=340, button=button)
    words = (f"button {number}", "root:(460,340)")
    await eventually(lambda: count(watcher, "ButtonRelease", *words) == 1)
    assert count(watcher, "ButtonPress", *words) == 1


async def test_a_double_click_is_two_presses_in_no_time(ubuntu: Desk, watcher: Path) -> None:
    await ubuntu.act("click", x=450, y=350, count=2)
    assert await eventually(lambda: count(watcher, "ButtonRelease") == 2)


async def test_down_and_up_can_be_apart(ubuntu: Desk, watcher: Path) -> None:
    await ubuntu.act("click", x=450, y=350, action="down")
    await eventually(lambda: count(watcher, "ButtonPress") == 1)
    assert count(watcher, "ButtonRelease") == 0
    await ubuntu.act("click", action="up")
    await eventually(lambda: count(watcher, "ButtonRelease") == 1)


async def test_modifiers_are_held_during_the_click_and_no_longer(ubuntu: Desk, watcher: Path) -> None:
    await ubuntu.act("click", x=450, y=350, modifiers=["ctrl", "shift"])
    await ubuntu.act("click", x=450, y=350)
    await eventually(lambda: count(watcher, "ButtonRelease") == 2)
    assert count(watcher, "ButtonPress", "state 0x5,") == 1
    assert count(watcher, "ButtonPress", "state 0x0,") == 1


async def test_a_drag_travels_with_the_button_down(ubuntu: Desk, watcher: Path) -> None:
    await ubuntu.act("drag", path=[{"x": 300, "y": 250}, {"x": 600, "y": 250}, {"x": 600, "y": 450}])
    await eventually(lambda: count(watcher, "ButtonRelease", "root:(600,450)") == 1)
    assert count(watcher, "ButtonPress", "root:(300,250)") == 1
    assert count(watcher, "MotionNotify", "state 0x100,") > 10


@pytest.mark.parametrize(("direction", "number"), [("up", 4), ("down", 5), ("left", 6), ("right", 7)])
async def test_the_wheel_turns_each_way(ubuntu: Desk, watcher: Path, direction: str, number: int) -> None:
    await ubuntu.act("scroll", direction=direction, amount=4, x=450, y=350)
    assert await eventually(lambda: count(watcher, "ButtonRelease", f"button {number}") == 4)


async def test_keys_are_pressed_together_and_released(ubuntu: Desk, watcher: Path) -> None:
    await ubuntu.act("press", keys=["ctrl", "shift", "F7"])
    await eventually(lambda: count(watcher, "KeyRelease") == 3)
    assert count(watcher, "KeyPress", "keysym 0xffc4, F7", "state 0x5,") == 1


async def test_a_held_key_stays_down_as_long_as_it_is_held(ubuntu: Desk, watcher: Path) -> None:
    begun = time.monotonic()
    await ubuntu.act("press", keys=["Down"], hold_ms=300)
    assert time.monotonic() - begun >= 0.3
    await eventually(lambda: count(watcher, "KeyRelease", "Down") >= 1)


async def test_a_key_can_be_left_down_and_released_later(ubuntu: Desk, watcher: Path) -> None:
    await ubuntu.act("press", keys=["alt"], action="down")
    await ubuntu.act("click", x=450, y=350)
    await ubuntu.act("press", keys=["alt"], action="up")
    await ubuntu.act("press", keys=["x"])
    await eventually(lambda: count(watcher, "KeyRelease", "keysym 0x78, x") == 1)
    assert count(watcher, "KeyPress", "keysym 0x78, x", "state 0x0,") == 1


@pytest.mark.parametrize("sign", ["?", "A", "ß", "好"])
async def test_any_sign_can_be_a_key(ubuntu: Desk, watcher: Path, sign: str) -> None:
    await ubuntu.act("press", keys=[sign])
    sent = " ".join(f"{byte:02x}" for byte in sign.encode())
    assert await eventually(lambda: count(watcher, "KeyPress", f"({sent})") >= 1, what=f"{sign} was heard")


async def test_the_pointer_is_where_it_was_moved(ubuntu: Desk) -> None:
    for x, y in ((0, 0), (1023, 699), (512, 3)):
        await ubuntu.act("move", x=x, y=y)
        result, _ = await ubuntu.act("cursor_position")
        assert result.cursor == results.Cursor(x=x, y=y)
        assert f"x:{x} y:{y} " in ubuntu.tool("xdotool", "getmouselocation")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("click", {"x": 1024, "y": 0}),
        ("move", {"x": 0, "y": 700}),
        ("scroll", {"direction": "up", "x": 5000, "y": 1}),
        ("drag", {"path": [{"x": 1, "y": 1}, {"x": 1, "y": 16_000}]}),
    ],
)
async def test_a_place_off_the_screen_is_refused_with_its_size(
    ubuntu: Desk, kind: str, fields: dict[str, object]
) -> None:
    await ubuntu.act("move", x=7, y=7)
    failure = await ubuntu.refused(kind, **fields)
    assert failure.code == "bad_action"
    assert "1024x700" in failure.message
    assert (await ubuntu.act("cursor_position"))[0].cursor == results.Cursor(x=7, y=7)


async def test_half_a_place_is_refused(ubuntu: Desk) -> None:
    assert (await ubuntu.refused("click", x=5)).code == "bad_action"


async def test_an_unknown_key_is_refused_and_none_stays_down(ubuntu: Desk, watcher: Path) -> None:
    assert "nokey" in (await ubuntu.refused("press", keys=["ctrl", "nokey"])).message
    await ubuntu.act("press", keys=["x"])
    await eventually(lambda: count(watcher, "KeyRelease", "keysym 0x78, x") == 1)
    assert count(watcher, "KeyPress", "Control_L") == 0


async def test_a_screenshot_shows_what_another_program_sees(ubuntu: Desk) -> None:
    other = ubuntu.home / "other.png"
    # Twice, for the terminal's cursor may blink in between.
    for _ in range(5):
        result, content = await ubuntu.act("screenshot")
        ubuntu.tool("scrot", "-o", str(other))
        ours, theirs = np.asarray(picture(content)), np.asarray(Image.open(other).convert("RGB"))
        if (ours == theirs).all():
            break
    assert result.image == results.Image(format="png", width=1024, height=700)
    assert (ours == theirs).all()
    assert len(np.unique(ours.reshape(-1, 3), axis=0)) > 10
    assert np.asarray(Image.open(io.BytesIO(content)))[..., 3].min() == 255


async def test_a_jpeg_shows_the_same_in_fewer_words(ubuntu: Desk) -> None:
    _, png = await ubuntu.act("screenshot")
    result, jpeg = await ubuntu.act("screenshot", format="jpeg", quality=90)
    assert result.image == results.Image(format="jpeg", width=1024, height=700)
    difference = np.asarray(picture(png)).astype(int) - np.asarray(picture(jpeg)).astype(int)
    assert np.abs(difference).mean() < 3


async def test_looking_goes_on_while_a_key_is_held_and_a_command_runs(ubuntu: Desk) -> None:
    busy = [
        asyncio.create_task(ubuntu.act("press", keys=["shift"], hold_ms=3_000)),
        asyncio.create_task(ubuntu.bash("sleep 3")),
        asyncio.create_task(ubuntu.act("wait", duration_ms=3_000)),
    ]
    await ubuntu.act("screenshot")
    await ubuntu.act("cursor_position")
    assert not any(task.done() for task in busy)
    await asyncio.gather(*busy)


async def test_the_token_is_in_no_process_that_the_guest_started(ubuntu: Desk) -> None:
    found = [ubuntu.process.pid, *ubuntu.children()]
    assert len(found) >= 4
    for number in found:
        assert read_of(number, "cmdline")
        assert TOKEN.encode() not in read_of(number, "cmdline") + read_of(number, "environ")


async def test_a_window_manager_that_dies_comes_back_and_the_heartbeat_says_so(ubuntu: Desk) -> None:
    [manager] = ubuntu.children("openbox")
    os.kill(manager, signal.SIGKILL)

    async def told() -> bool:
        beat = await ubuntu.line.heartbeats.get()
        return bool(beat["restarts"] == {"window-manager": 1})

    assert await eventually(told, within_s=20)
    assert await eventually(lambda: ubuntu.children("openbox") not in ([], [manager]))


async def test_a_guest_whose_x_server_dies_ends_and_says_why() -> None:
    async with desk("ubuntu") as ready:
        [server] = ready.children("Xtigervnc")
        os.kill(server, signal.SIGKILL)
        assert await asyncio.to_thread(ready.process.wait, 20) == 3


async def test_a_guest_that_is_asked_to_end_leaves_no_process() -> None:
    async with desk("ubuntu") as ready:
        children = ready.children()
        ready.process.terminate()
        assert await asyncio.to_thread(ready.process.wait, 20) == 0
        assert len(children) == 3
        assert not [number for number in children if read_of(number, "comm")]
