"""The Windows desktop, as Wine plays it: typing into notepad, and cmd as the shell."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from guest.programs import WINE
from tests.guest.desk import Desk, desk, eventually
from tests.guest.texts import MIXED, SIGNS

pytestmark = pytest.mark.machine


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def notepad(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A Windows desktop with notepad open."""
    home = tmp_path_factory.mktemp("wine")
    await asyncio.to_thread(_make_prefix, home)
    async with desk("windows", home=home) as ready:
        await ready.act("click", x=300, y=300)
        yield ready


def _make_prefix(home: Path) -> None:
    environment = {
        **{"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        **{"WINEPREFIX": str(home / ".wine"), "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree=;mshtml="},
    }
    subprocess.run([WINE, "wineboot", "-i"], env=environment, capture_output=True, timeout=240, check=True)
    subprocess.run([f"{Path(WINE).parent}/wineserver64", "-w"], env=environment, timeout=120, check=True)


@pytest.mark.parametrize("method", ["auto", "paste"])
@pytest.mark.parametrize("text", [MIXED, SIGNS, f"{MIXED}\n{SIGNS}\n"], ids=["mixed", "signs", "lines"])
async def test_notepad_gets_exactly_the_text(notepad: Desk, text: str, method: str) -> None:
    await notepad.act("press", keys=["ctrl", "a"])
    await notepad.act("press", keys=["Delete"])
    await notepad.act("type", text=text, method=method)
    await notepad.act("press", keys=["ctrl", "a"])
    await notepad.act("press", keys=["ctrl", "c"])
    assert await eventually(lambda: _copied(notepad) == text, what=text)


def _copied(notepad: Desk) -> str | None:
    """What the clipboard holds; None where Wine has not answered, which it forgets at times while it takes it over."""
    try:
        text = notepad.tool("xclip", "-o", "-selection", "clipboard", "-t", "UTF8_STRING", within_s=3)
    except subprocess.TimeoutExpired:
        return None
    return text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("command", "stdout", "stderr", "exit_code"),
    [
        ('echo "a b" & echo c', '"a b" \r\nc\r\n', "", 0),
        ("echo err 1>&2", "", "err \r\n", 0),
        ("exit 7", "", "", 7),
        ('echo a^&b | find "a"', "a&b \r\n", "", 0),
        ("for %i in (1 2) do @echo %i", "1\r\n2\r\n", "", 0),
    ],
)
async def test_cmd_runs_what_it_is_given_as_it_is(
    notepad: Desk, command: str, stdout: str, stderr: str, exit_code: int
) -> None:
    done = await notepad.bash(command)
    assert (done.stdout, done.stderr, done.exit_code) == (stdout, stderr, exit_code)


async def test_cmd_has_the_instances_variables(notepad: Desk) -> None:
    await notepad.line.call("configure", {"environment": {"COLOUR": "blue"}})
    assert (await notepad.bash("echo %COLOUR%")).stdout == "blue\r\n"


async def test_cmd_is_ended_at_its_timeout(notepad: Desk) -> None:
    assert (await notepad.bash("notepad", timeout_s=1)).timed_out
