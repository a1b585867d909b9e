"""The hands on an X desktop: each action, in this process, through one connection."""

from __future__ import annotations

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any

from guest.desktop.base import bad_action, failed
from guest.desktop.capture import Screen
from guest.desktop.connection import Connection
from guest.desktop.damage import Damage
from guest.desktop.keyboard import Keyboard, Stroke
from guest.desktop.keynames import split
from guest.desktop.keys import keysym_of_key
from guest.desktop.pointer import BUTTONS, WHEEL, Pointer, between, sync
from guest.desktop.typing import Pace, Typist
from guest.desktop.windows import Windows
from guest.protocol import actions, results

_DRAG_PAUSE_S = 0.012
_LEND_SETTLE_S = 0.05
_SAMPLE_STEP = 31
_BACKGROUND_SAMPLES = 2


class X11Desktop:
    """A `Desktop`. Made once the X server takes connections; `warm` loads what pictures need, ahead of the first."""

    def __init__(self, display: str, *, pace: Pace) -> None:
        self.connection = Connection(display)
        self._screen = Screen(self.connection)
        self._damage = Damage(self.connection)
        self._pointer = Pointer(self.connection)
        self._keyboard = Keyboard(self.connection)
        self._windows = Windows(self.connection)
        self._typist = Typist(self.connection, self._keyboard, self._pointer, pace=pace)
        self._encoders = ThreadPoolExecutor(1, "encode")
        self._encoding = asyncio.Lock()

    def warm(self) -> None:
        """Import the encoders on their own thread: numpy takes longer than all else, and nobody needs it to start."""
        self._encoders.submit(importlib.import_module, "guest.desktop.encode")

    async def click(self, action: actions.Click) -> None:
        if (action.x is None) != (action.y is None):
            raise bad_action("x and y go together")
        self._check(action.x, action.y)
        held = await self._strokes(action.modifiers)

        def click() -> None:
            self._go(action.x, action.y)
            for keycode, _ in held:
                self._keyboard.key(keycode, down=True)
            button = BUTTONS[action.button]
            if action.action == "click":
                self._pointer.click(button, count=action.count)
            else:
                self._pointer.button(button, down=action.action == "down")
            for keycode, _ in reversed(held):
                self._keyboard.key(keycode, down=False)
            sync(self.connection)

        await self.connection.run(click)

    async def move(self, action: actions.Move) -> None:
        self._check(action.x, action.y)

        def move() -> None:
            self._pointer.move(action.x, action.y)
            sync(self.connection)

        await self.connection.run(move)

    async def drag(self, action: actions.Drag) -> None:
        for point in action.path:
            self._check(point.x, point.y)
        button = BUTTONS[action.button]
        first = action.path[0]
        await self.connection.run(lambda: self._pointer.move(first.x, first.y))
        await self.connection.run(lambda: self._pointer.button(button, down=True))
        try:
            for start, goal in zip(action.path, action.path[1:], strict=False):
                await asyncio.sleep(_DRAG_PAUSE_S)
                await self.connection.run(lambda start=start, goal=goal: self._travel(start, goal))  # type: ignore[misc]
            await asyncio.sleep(_DRAG_PAUSE_S)
        finally:
            await self.connection.run(lambda: self._release(button))

    async def scroll(self, action: actions.Scroll) -> None:
        if (action.x is None) != (action.y is None):
            raise bad_action("x and y go together")
        self._check(action.x, action.y)

        def scroll() -> None:
            self._go(action.x, action.y)
            self._pointer.click(WHEEL[action.direction], count=action.amount)
            sync(self.connection)

        await self.connection.run(scroll)

    async def type(self, action: actions.Type) -> None:
        await self._typist.type(action.text, action.method)

    async def press(self, action: actions.Press) -> None:
        strokes = await self._strokes(action.keys)
        if action.action == "press":
            await self.connection.run(lambda: self._all(strokes, down=True))
            try:
                await asyncio.sleep(action.hold_ms / 1000)
            finally:
                await self.connection.run(lambda: self._all(strokes, down=False))
        else:
            await self.connection.run(lambda: self._all(strokes, down=action.action == "down"))

    async def cursor(self) -> results.Cursor:
        x, y, _ = await self.connection.run(self._pointer.where)
        return results.Cursor(x=x, y=y)

    async def screenshot(self, action: actions.Screenshot) -> tuple[results.Image, bytes]:
        async with self._encoding:
            pixels, width, height = await self.connection.run(self._capture)
            loop = asyncio.get_running_loop()
            content = await loop.run_in_executor(self._encoders, _encode, action, pixels, width, height)
        return results.Image(format=action.format, width=width, height=height), content

    def changes(self) -> AbstractAsyncContextManager[asyncio.Event]:
        return self._damage.changes()

    async def painted(self) -> bool:
        """Whether a window is there and something has been drawn in it: in its upper half, below may be a task bar."""
        return await self.connection.run(self._painted)

    def close(self) -> None:
        """End the threads and the connection."""
        self._encoders.shutdown(wait=False, cancel_futures=True)
        self.connection.close()

    def _check(self, x: int | None, y: int | None) -> None:
        if x is not None and y is not None and not self._screen.holds(x, y):
            raise bad_action(f"{x},{y} is not on the screen, which is {self._screen.width}x{self._screen.height}")

    def _go(self, x: int | None, y: int | None) -> None:
        if x is not None and y is not None:
            self._pointer.move(x, y)

    def _travel(self, start: actions.Point, goal: actions.Point) -> None:
        for x, y in between(start, goal):
            self._pointer.move(x, y)
        sync(self.connection)

    def _release(self, button: int) -> None:
        self._pointer.button(button, down=False)
        sync(self.connection)

    async def _strokes(self, names: list[str]) -> list[Stroke]:
        """The keys to hold together, Shift among them where a sign needs it."""
        if not names:
            return []
        keysyms = [keysym_of_key(name) for name in split(names)]
        missing = await self.connection.run(lambda: self._keyboard.without_key(keysyms))
        if missing:
            await self.connection.run(lambda: self._keyboard.lend(missing))
            await asyncio.sleep(_LEND_SETTLE_S)
        return await self.connection.run(lambda: self._together(keysyms))

    def _together(self, keysyms: list[int]) -> list[Stroke]:
        strokes = self._keyboard.strokes(keysyms)
        if strokes is None:
            raise failed("the keyboard was changed meanwhile")
        shift = self._keyboard.shift
        if any(shifted for _, shifted in strokes) and all(keycode != shift for keycode, _ in strokes):
            strokes.insert(0, (shift, False))
        return strokes

    def _all(self, strokes: list[Stroke], *, down: bool) -> None:
        for keycode, _ in strokes if down else reversed(strokes):
            self._keyboard.key(keycode, down=down)
        sync(self.connection)

    def _capture(self) -> tuple[memoryview, int, int]:
        return self._screen.capture(), self._screen.width, self._screen.height

    def _painted(self) -> bool:
        for x, y, width, height in self._windows.frames():
            if width > 1 and height > 1 and self._colours(x, y, width, height) >= _BACKGROUND_SAMPLES:
                return True
        return False

    def _colours(self, x: int, y: int, width: int, height: int) -> int:
        pixels, screen_width = self._screen.capture().cast("I"), self._screen.width
        seen: set[int] = set()
        for row in range(max(0, y), min(y + height // 2, self._screen.height)):
            start = row * screen_width + max(0, x)
            seen.update(pixels[start : start + min(width, screen_width - max(0, x))])
            if len(seen) >= _BACKGROUND_SAMPLES:
                break
        return len(seen)


def _encode(action: actions.Screenshot, pixels: memoryview, width: int, height: int) -> bytes:
    # Imported by now, or while we wait here: see `warm`.
    encode: Any = importlib.import_module("guest.desktop.encode")
    if action.format == "png":
        content: bytes = encode.png(pixels, width, height)
    else:
        content = encode.jpeg(pixels, width, height, action.quality)
    return content
