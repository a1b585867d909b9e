"""From a call to a hand: what may run at once, what goes in turn, and what every wrong call is told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from guest.desktop.base import failed
from guest.dispatch import Dispatcher, answer
from guest.environment import InstanceEnvironment
from guest.files import Files
from guest.protocol import actions, results
from guest.shell import Shell
from guest.streams import Streams
from tests.guest.desk import config_for, eventually


class SlowDesktop:
    """A desktop whose every input takes until `go` says so, and that remembers in which order they came."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.at_once = 0
        self.go = asyncio.Event()

    async def _input(self, name: str) -> None:
        self.begun.append(name)
        self.at_once += 1
        assert self.at_once == 1, "two inputs at once"
        await self.go.wait()
        self.at_once -= 1

    async def click(self, action: actions.Click) -> None:
        await self._input(f"click {action.x}")

    async def move(self, action: actions.Move) -> None:
        await self._input("move")

    async def drag(self, action: actions.Drag) -> None:
        await self._input("drag")

    async def scroll(self, action: actions.Scroll) -> None:
        raise failed("the wheel is stuck")

    async def type(self, action: actions.Type) -> None:
        await self._input(f"type {action.text}")

    async def press(self, action: actions.Press) -> None:
        raise ZeroDivisionError

    async def cursor(self) -> results.Cursor:
        return results.Cursor(x=3, y=4)

    async def screenshot(self, action: actions.Screenshot) -> tuple[results.Image, bytes]:
        return results.Image(format=action.format, width=2, height=1), b"pixels"


@pytest.fixture
def desktop() -> SlowDesktop:
    return SlowDesktop()


@pytest.fixture
def environment(tmp_path: Path) -> InstanceEnvironment:
    return InstanceEnvironment(config_for(tmp_path))


@pytest.fixture
def dispatcher(tmp_path: Path, desktop: SlowDesktop, environment: InstanceEnvironment) -> Dispatcher:
    config = config_for(tmp_path)
    shell = Shell(config, "", environment)
    return Dispatcher(desktop, shell, environment, Streams(config), files=Files(config), browser=None)


async def test_input_goes_in_turn_and_looking_goes_on(dispatcher: Dispatcher, desktop: SlowDesktop) -> None:
    asked = [{"type": "click", "x": 1, "y": 1}, {"type": "type", "text": "a"}, {"type": "click", "x": 2, "y": 1}]
    waiting = [asyncio.create_task(answer(dispatcher, "act", each)) for each in asked]
    await eventually(lambda: desktop.begun)
    for look in ("screenshot", "cursor_position", "wait"):
        fields, _ = await answer(dispatcher, "act", {"type": look, **({"duration_ms": 1} if look == "wait" else {})})
        assert fields["ok"]
    assert (await answer(dispatcher, "act", {"type": "bash", "command": "true"}))[0]["ok"]
    assert desktop.begun == ["click 1"]
    desktop.go.set()
    assert all(fields["ok"] for fields, _ in await asyncio.gather(*waiting))
    assert desktop.begun == ["click 1", "type a", "click 2"]


async def test_an_input_that_is_given_up_lets_the_next_one_through(
    dispatcher: Dispatcher, desktop: SlowDesktop
) -> None:
    first = asyncio.create_task(answer(dispatcher, "act", {"type": "click"}))
    await eventually(lambda: desktop.begun)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    desktop.at_once = 0
    desktop.go.set()
    assert (await answer(dispatcher, "act", {"type": "click"}))[0]["ok"]


async def test_a_picture_travels_behind_the_header(dispatcher: Dispatcher) -> None:
    fields, blob = await answer(dispatcher, "act", {"type": "screenshot", "format": "jpeg"})
    assert fields == {"ok": True, "result": {"image": {"format": "jpeg", "width": 2, "height": 1}}}
    assert blob == b"pixels"


@pytest.mark.parametrize(
    ("verb", "arguments", "code", "says"),
    [
        ("act", {"type": "fly"}, "bad_action", "fly"),
        ("act", None, "bad_action", "object"),
        ("act", {"type": "scroll", "direction": "up"}, "failed", "the wheel is stuck"),
        ("act", {"type": "press", "keys": ["a"]}, "failed", "ZeroDivisionError"),
        ("act", {"type": "bash", "command": "echo \0"}, "bad_action", "null"),
        ("configure", {"environment": {"A B": "1"}}, "bad_action", "A B"),
        ("configure", {"environment": {"A": 1}}, "bad_action", "environment"),
        ("configure", [], "bad_action", "object"),
        ("destroy", {}, "unsupported", "destroy"),
        (7, {}, "unsupported", "7"),
        (None, None, "unsupported", "None"),
    ],
)
async def test_a_wrong_call_is_told_why(
    dispatcher: Dispatcher, verb: Any, arguments: Any, code: str, says: str
) -> None:
    fields, blob = await answer(dispatcher, verb, arguments)
    assert (fields["ok"], fields["error"]["code"], blob) == (False, code, b"")
    assert says in fields["error"]["message"]


async def test_configure_reaches_the_next_command(dispatcher: Dispatcher) -> None:
    assert (await answer(dispatcher, "configure", {"environment": {"COLOUR": "blue"}}))[0] == {
        "ok": True,
        "result": {},
    }
    fields, _ = await answer(dispatcher, "act", {"type": "bash", "command": "echo $COLOUR"})
    assert fields["result"]["shell"]["stdout"] == "blue\n"
