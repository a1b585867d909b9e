"""Typing into a terminal: exactly the text arrives, whatever its script, its length and its lines."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from tests.guest.desk import Desk, eventually
from tests.guest.texts import MANY_SCRIPTS, METHODS, MIXED, SIGNS

pytestmark = pytest.mark.machine


class Terminal:
    """The desktop's terminal, where each text goes to a file of its own."""

    def __init__(self, owner: Desk) -> None:
        self._desk = owner
        self._files = 0

    async def got(self, text: str, **fields: Any) -> str:
        """What a program in the terminal read when `text` was typed."""
        self._files += 1
        name = f"typed-{self._files}"
        await self._desk.act("type", text=f"cat > {name}\n")
        await eventually((self._desk.home / name).exists, what="cat waits")
        await self._desk.act("type", text=text, **fields)
        await self._desk.act("press", keys=["Enter"])
        await self._desk.act("press", keys=["ctrl", "d"])
        await self._desk.act("type", text=f"mv {name} {name}.done\n")
        done = self._desk.home / f"{name}.done"
        await eventually(done.exists, within_s=20, what="cat has ended")
        return done.read_text().removesuffix("\n")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def terminal(ubuntu: Desk) -> Terminal:
    await ubuntu.act("click", x=300, y=300)
    return Terminal(ubuntu)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", [MIXED, SIGNS], ids=["mixed", "signs"])
async def test_a_terminal_gets_exactly_the_text(terminal: Terminal, text: str, method: str) -> None:
    assert await terminal.got(text, method=method) == text


async def test_a_terminal_gets_many_scripts(terminal: Terminal) -> None:
    assert await terminal.got(MANY_SCRIPTS) == MANY_SCRIPTS


async def test_a_terminal_gets_a_long_text_with_lines(terminal: Terminal) -> None:
    text = "\n".join(f"{number}: {MIXED} {SIGNS}" for number in range(60))
    assert await terminal.got(text) == text


async def test_more_new_signs_than_spare_keys_arrive_one_text_after_the_other(terminal: Terminal) -> None:
    for start in range(0x4E00, 0x4E00 + 60, 10):
        text = "".join(map(chr, range(start, start + 10)))
        assert await terminal.got(text) == text


async def test_line_ends_are_the_return_key(ubuntu: Desk, terminal: Terminal) -> None:
    await ubuntu.act("type", text="touch one\r\ntouch two\n")
    await eventually((ubuntu.home / "two").exists)
    assert (ubuntu.home / "one").exists()


@pytest.mark.parametrize("text", ["a\0b", "a\x01b"])
async def test_a_text_that_no_key_types_is_refused_whole(ubuntu: Desk, text: str) -> None:
    assert (await ubuntu.refused("type", text=text)).code == "bad_action"


async def test_the_terminal_has_the_instances_variables_at_once(ubuntu: Desk, terminal: Terminal) -> None:
    header, _ = await ubuntu.line.call("configure", {"environment": {"COLOUR": "it's blue"}})
    assert header["ok"]
    await ubuntu.act("type", text='printf %s "$COLOUR" > colour; mv colour colour.done\n')
    await eventually((ubuntu.home / "colour.done").exists)
    assert (ubuntu.home / "colour.done").read_text() == "it's blue"
