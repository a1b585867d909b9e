"""The hands for a real Windows, as far as another system can show: layouts, tables, and what they ask for."""

from __future__ import annotations

import asyncio
import ctypes
import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from PIL import Image

from guest.desktop.base import ActionFailed
from guest.desktop.keynames import ALIASES, PLAIN
from guest.desktop.win32 import api, clipboard, keys, layouts
from guest.desktop.win32.hands import WindowsDesktop
from guest.environment import InstanceEnvironment
from guest.powershell import PowerShell
from guest.protocol import actions
from guest.winprogram import MemoryStatus
from tests.guest.desk import ROOT, config_for

WIDTH, HEIGHT = 1366, 768
NO_KEY_OF_WINDOWS = {"Linefeed"}


class FakeWindows:
    """As much of Windows as the hands ask: takes inputs, keeps a pointer, a clipboard and a screen of one colour."""

    def __init__(self) -> None:
        self.inputs: list[layouts.Input] = []
        self.pointer = (0, 0)
        self.is_locked = False
        self.texts: list[str] = []
        self.clipboard = ctypes.create_string_buffer(clipboard.with_nul("before"))
        self._kept: list[Any] = []
        self.user = SimpleNamespace(
            SendInput=self._send,
            GetCursorPos=self._where,
            SetCursorPos=lambda x, y: 1,
            VkKeyScanW=lambda code: {ord("a"): 0x41, ord("A"): 0x141, ord("v"): 0x56, ord("@"): 0x651}.get(code, -1),
            GetDC=lambda window: 1,
            ReleaseDC=lambda window, context: 1,
            OpenClipboard=lambda window: 1,
            CloseClipboard=lambda: 1,
            EmptyClipboard=lambda: 1,
            GetClipboardData=lambda kind: ctypes.addressof(self.clipboard),
            SetClipboardData=self._copied,
        )
        self.gdi = SimpleNamespace(
            CreateCompatibleDC=lambda context: 1,
            CreateDIBSection=self._section,
            SelectObject=lambda context, bitmap: 1,
            BitBlt=self._blit,
            GdiFlush=lambda: 1,
            DeleteObject=lambda bitmap: 1,
            DeleteDC=lambda context: 1,
        )
        self.kernel = SimpleNamespace(
            GlobalAlloc=self._allocated,
            GlobalFree=lambda handle: None,
            GlobalLock=lambda handle: handle,
            GlobalUnlock=lambda handle: 1,
            GlobalSize=lambda handle: ctypes.sizeof(self.clipboard),
        )

    def screen(self) -> tuple[int, int]:
        return WIDTH, HEIGHT

    def typed(self) -> list[tuple[int, int, int]]:
        """Key, unit and flags of each key that was sent."""
        sent = [each.keyboard for each in self.inputs if each.kind == layouts.INPUT_KEYBOARD]
        return [(each.virtual_key, each.scan, each.flags) for each in sent]

    def mouse(self) -> list[int]:
        """The flags of each mouse input but for moves."""
        sent = [each.mouse.flags for each in self.inputs if each.kind == layouts.INPUT_MOUSE]
        return [flags for flags in sent if not flags & layouts.MOUSE_MOVE]

    def _send(self, count: int, inputs: Any, size: int) -> int:
        assert size == 40
        if self.is_locked:
            return 0
        for each in inputs:
            self.inputs.append(layouts.Input.from_buffer_copy(each))
            if each.kind == layouts.INPUT_MOUSE and each.mouse.flags & layouts.MOUSE_MOVE:
                self.pointer = each.mouse.dx * WIDTH // 65_536, each.mouse.dy * HEIGHT // 65_536
        return count

    def _where(self, point: layouts.Point) -> int:
        point.x, point.y = self.pointer
        return 1

    def _section(self, _: Any, info: layouts.BitmapInfo, usage: int, bits: Any, *rest: Any) -> int:
        assert (info.width, info.height, info.bit_count, info.size) == (WIDTH, -HEIGHT, 32, 40)
        self.pixels = ctypes.create_string_buffer(WIDTH * HEIGHT * 4)
        bits.value = ctypes.addressof(self.pixels)
        return 7

    def _blit(self, *_: Any) -> int:
        ctypes.memmove(self.pixels, b"\x10\x20\x30\x00" * (WIDTH * HEIGHT), WIDTH * HEIGHT * 4)
        return 0 if self.is_locked else 1

    def _allocated(self, flags: int, size: int) -> int:
        self._kept.append(ctypes.create_string_buffer(size))
        return ctypes.addressof(self._kept[-1])

    def _copied(self, kind: int, handle: int) -> int:
        self.texts.append(clipboard.until_nul(self._kept[-1].raw))
        return handle


@pytest.fixture
def windows() -> FakeWindows:
    return FakeWindows()


@pytest.fixture
def desktop(windows: FakeWindows) -> WindowsDesktop:
    return WindowsDesktop(windows)  # type: ignore[arg-type]


async def act(desktop: WindowsDesktop, kind: str, **fields: Any) -> Any:
    return await getattr(desktop, kind)(actions.parse({"type": kind, **fields}))


def test_structures_are_laid_out_as_on_64_bit_windows() -> None:
    assert ctypes.sizeof(layouts.Input) == 40 and layouts.Input.keyboard.offset == 8
    assert ctypes.sizeof(layouts.MouseInput) == 32 and ctypes.sizeof(layouts.KeyboardInput) == 24
    assert layouts.BitmapInfo.colours.offset == layouts.HEADER_BYTES == 40
    assert ctypes.sizeof(MemoryStatus) == 64


@pytest.mark.parametrize("of", [640, 768, 1080, 1366, 1920, 3840])
def test_a_pixel_survives_windows_sums(of: int) -> None:
    assert all(layouts.normal(pixel, of) * of // 65_536 == pixel for pixel in range(of))
    assert layouts.normal(of - 1, of) <= 65_535


def test_every_key_that_x_knows_windows_knows_too() -> None:
    names = (set(PLAIN) | set(ALIASES)) - NO_KEY_OF_WINDOWS
    assert all(keys.strokes([name], lambda character: -1)[0].virtual_key for name in names)


def test_a_key_beside_the_numbers_is_not_the_number_pads() -> None:
    def flags(name: str) -> int:
        return keys.strokes([name], lambda character: -1)[0].input(down=True).keyboard.flags

    assert flags("Left") == flags("Delete") == flags("win") == layouts.KEY_EXTENDED
    assert flags("KP_4") == flags("ctrl") == flags("Return") == 0


def test_no_key_is_named_so() -> None:
    with pytest.raises(ActionFailed, match="nonsense"):
        keys.strokes(["nonsense"], lambda character: -1)


async def test_keys_go_down_in_order_and_up_in_reverse(desktop: WindowsDesktop, windows: FakeWindows) -> None:
    await act(desktop, "press", keys=["ctrl+shift", "A"])
    up = layouts.KEY_UP
    # Shift that the sign needs, too, is one key with the Shift that was asked for.
    assert [key for key, _, _ in windows.typed()] == [0xA2, 0xA0, 0x41, 0x41, 0xA0, 0xA2]
    assert [flags & up for _, _, flags in windows.typed()] == [0, 0, 0, up, up, up]


async def test_a_sign_on_the_third_level_takes_its_shifts_along(desktop: WindowsDesktop, windows: FakeWindows) -> None:
    await act(desktop, "press", keys=["@"], action="down")
    assert [key for key, _, _ in windows.typed()] == [0xA2, 0xA4, 0x51]


async def test_text_is_typed_as_itself_and_lines_end_by_a_key(desktop: WindowsDesktop, windows: FakeWindows) -> None:
    await act(desktop, "type", text="é😀\n", method="keys")
    unit = layouts.KEY_UNICODE
    down = [(key, code, flags) for key, code, flags in windows.typed() if not flags & layouts.KEY_UP]
    assert down == [(0, 0xE9, unit), (0, 0xD83D, unit), (0, 0xDE00, unit), (0x0D, 0, 0)]
    with pytest.raises(ActionFailed):
        await act(desktop, "type", text="\x07", method="keys")


async def test_long_text_is_pasted_and_the_clipboard_comes_back(desktop: WindowsDesktop, windows: FakeWindows) -> None:
    text = "wörld 你好\n" * 100
    await act(desktop, "type", text=text)
    assert windows.texts == [text, "before"]
    assert [key for key, _, flags in windows.typed() if not flags & layouts.KEY_UP] == [0xA2, 0x56]


async def test_a_double_click_is_where_it_was_asked(desktop: WindowsDesktop, windows: FakeWindows) -> None:
    await act(desktop, "click", x=1365, y=767, count=2, button="right", modifiers=["ctrl"])
    assert windows.pointer == (1365, 767)
    assert windows.mouse() == [0x8, 0x10, 0x8, 0x10]
    assert [key for key, _, _ in windows.typed()] == [0xA2, 0xA2]
    assert await desktop.cursor() == msgspec.structs.replace(await desktop.cursor(), x=1365, y=767)


@pytest.mark.parametrize("fields", [{"x": WIDTH, "y": 0}, {"x": 0, "y": HEIGHT}, {"x": 5}])
async def test_a_place_that_is_none_is_refused(desktop: WindowsDesktop, windows: FakeWindows, fields: Any) -> None:
    with pytest.raises(ActionFailed) as refused:
        await act(desktop, "click", **fields)
    assert refused.value.failure.code == "bad_action" and not windows.inputs


async def test_the_wheel_turns_by_clicks(desktop: WindowsDesktop, windows: FakeWindows) -> None:
    await act(desktop, "scroll", direction="down", amount=2)
    await act(desktop, "scroll", direction="right", amount=1)
    turned = [ctypes.c_int32(each.mouse.mouse_data).value for each in windows.inputs]
    assert turned == [-120, -120, 120]
    assert windows.mouse() == [layouts.MOUSE_WHEEL] * 2 + [layouts.MOUSE_HWHEEL]


async def test_a_drag_ends_with_the_button_up(desktop: WindowsDesktop, windows: FakeWindows) -> None:
    await act(desktop, "drag", path=[{"x": 1, "y": 2}, {"x": 30, "y": 40}, {"x": 50, "y": 60}])
    assert windows.mouse() == [0x2, 0x4] and windows.pointer == (50, 60)


async def test_a_picture_has_the_screens_colours(desktop: WindowsDesktop) -> None:
    described, content = await desktop.screenshot(actions.Screenshot())
    picture = Image.open(io.BytesIO(content))
    assert (described.width, described.height) == picture.size == (WIDTH, HEIGHT)
    assert picture.convert("RGB").getpixel((1365, 767)) == (0x30, 0x20, 0x10)


async def test_the_screen_is_taken_for_changed_again_and_again(desktop: WindowsDesktop) -> None:
    async with desktop.changes() as changed:
        for _ in range(2):
            assert await asyncio.wait_for(changed.wait(), 5)
            changed.clear()


async def test_a_locked_screen_is_said_so(desktop: WindowsDesktop, windows: FakeWindows) -> None:
    windows.is_locked = True
    for ask in (act(desktop, "click"), desktop.screenshot(actions.Screenshot())):
        with pytest.raises(ActionFailed, match="locked") as raised:
            await ask
        assert raised.value.failure.code == "failed"


def test_no_other_system_is_taken_for_windows() -> None:
    with pytest.raises(OSError, match="no Windows"):
        api.Api()


WITHOUT_POSIX = """
import importlib.abc, os, signal, sys
class Refuses(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {"fcntl", "pwd", "grp", "resource", "termios", "pty"}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuses())
import asyncio, subprocess, tempfile, socket, ssl, multiprocessing
for name in ("sysconf", "killpg", "posix_spawn", "posix_spawnp", "POSIX_SPAWN_OPEN", "POSIX_SPAWN_DUP2", "WNOHANG",
             "geteuid", "getuid", "set_blocking", "waitstatus_to_exitcode", "fork", "setsid", "pipe2"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGUSR1"):
    delattr(signal, name)
import guest.winprogram, guest.bootstrap, guest.config, guest.__main__
"""


def test_the_windows_program_imports_nothing_that_windows_lacks() -> None:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT_POSIX], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


FAKE_POWERSHELL = """
import subprocess, sys
text = open(sys.argv[1], encoding="utf-8-sig", newline="").read()
assert text.startswith("$ProgressPreference") and "exit $LASTEXITCODE" in text
command = text.replace("\\r\\n", "\\n").split("UTF8Encoding $false\\n", 1)[1].split("\\n$ended", 1)[0]
sys.exit(subprocess.run(["bash", "-c", command]).returncode)
"""


@pytest.fixture
def shell(tmp_path: Path) -> PowerShell:
    (tmp_path / "fake.py").write_text(FAKE_POWERSHELL)
    config = config_for(tmp_path, flavour="windows")
    instance = InstanceEnvironment(config)
    instance.change({"GREETING": "grüße"})
    return PowerShell(config, instance, argv=(sys.executable, str(tmp_path / "fake.py")))


async def test_a_command_says_what_it_wrote_and_how_it_ended(shell: PowerShell) -> None:
    done = await shell.run('echo "$GREETING"; printf "one\\r\\n" >&2; exit 7', 20)
    assert (done.stdout, done.stderr, done.exit_code, done.timed_out) == ("grüße\n", "one\n", 7, False)


async def test_a_command_that_takes_too_long_is_ended(shell: PowerShell) -> None:
    # The sleep goes on, as where nobody can name it, and holds the streams: it is not waited for.
    done = await asyncio.wait_for(shell.run("echo begun; exec sleep 7", 2), 30)
    assert done.timed_out and done.exit_code is None and done.stdout == "begun\n"


async def test_too_much_output_is_cut_and_all_of_it_read(shell: PowerShell) -> None:
    done = await shell.run("head -c 3000000 /dev/zero | tr '\\0' x", 30)
    assert done.truncated and len(done.stdout) == 1024 * 1024 and done.exit_code == 0


async def test_a_command_with_a_nul_is_none(shell: PowerShell) -> None:
    with pytest.raises(ValueError):
        await shell.run("echo \0", 5)
