"""The hands on a Windows desktop: each action in this process, one after the other, on one thread."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from guest.desktop.base import bad_action, failed
from guest.desktop.win32 import keys, layouts
from guest.desktop.win32.api import Api
from guest.desktop.win32.capture import Screen
from guest.desktop.win32.clipboard import Clipboard
from guest.desktop.win32.layouts import Input, Point
from guest.protocol import actions, results

Value = TypeVar("Value")

_DRAG_PAUSE_S = 0.012
_PASTED_S = 0.3
_LONG_TEXT = 400
_LOOK_EVERY_S = 0.2
_AT_ONCE = 64
"""Inputs in one call: Windows puts no other program's between them, and a program keeps up with so many."""


class WindowsDesktop:
    """A `Desktop`. Raises `OSError` where this is no Windows."""

    def __init__(self, api: Api | None = None) -> None:
        self._api = api or Api()
        self._screen = Screen(self._api)
        self._clipboard = Clipboard(self._api)
        self._hands = ThreadPoolExecutor(1, "hands")
        self._encoders = ThreadPoolExecutor(1, "encode")
        self._encoding = asyncio.Lock()

    def warm(self) -> None:
        """Import the encoders ahead of the first picture."""
        self._encoders.submit(importlib.import_module, "guest.desktop.encode")

    async def click(self, action: actions.Click) -> None:
        place = self._place(action.x, action.y)
        held = keys.strokes(action.modifiers, self._scan)
        ways = {"click": (True, False) * action.count, "down": (True,), "up": (False,)}[action.action]
        pressed = [layouts.button(action.button, down=down) for down in ways]
        around = [stroke.input(down=True) for stroke in held], [stroke.input(down=False) for stroke in reversed(held)]
        await self._do(lambda: self._send([*place, *around[0], *pressed, *around[1]]))

    async def move(self, action: actions.Move) -> None:
        place = self._place(action.x, action.y)

        def move() -> None:
            self._send(place)
            if self._where() != (action.x, action.y):  # a driver that rounds otherwise
                self._api.user.SetCursorPos(action.x, action.y)

        await self._do(move)

    async def drag(self, action: actions.Drag) -> None:
        points = [self._place(point.x, point.y) for point in action.path]
        await self._do(lambda: self._send([*points[0], layouts.button(action.button, down=True)]))
        try:
            for place in points[1:]:
                await asyncio.sleep(_DRAG_PAUSE_S)
                await self._do(lambda place=place: self._send(place))  # type: ignore[misc]
            await asyncio.sleep(_DRAG_PAUSE_S)
        finally:
            await self._do(lambda: self._send([layouts.button(action.button, down=False)]))

    async def scroll(self, action: actions.Scroll) -> None:
        turns = [layouts.wheel(action.direction)] * action.amount
        place = self._place(action.x, action.y)
        await self._do(lambda: self._send([*place, *turns]))

    async def type(self, action: actions.Type) -> None:
        pasted = action.method == "paste" or (action.method == "auto" and len(action.text) > _LONG_TEXT)
        if pasted:
            await self._paste(action.text)
        else:
            typed = list(keys.text(action.text))
            await self._do(lambda: self._send(typed))

    async def press(self, action: actions.Press) -> None:
        strokes = keys.strokes(action.keys, self._scan)
        down = [stroke.input(down=True) for stroke in strokes]
        up = [stroke.input(down=False) for stroke in reversed(strokes)]
        if action.action != "press":
            await self._do(lambda: self._send(down if action.action == "down" else up))
            return
        await self._do(lambda: self._send(down))
        try:
            await asyncio.sleep(action.hold_ms / 1000)
        finally:
            await self._do(lambda: self._send(up))

    async def cursor(self) -> results.Cursor:
        x, y = await self._do(self._where)
        return results.Cursor(x=x, y=y)

    async def screenshot(self, action: actions.Screenshot) -> tuple[results.Image, bytes]:
        async with self._encoding:
            pixels, width, height = await self._do(self._screen.capture)
            loop = asyncio.get_running_loop()
            content = await loop.run_in_executor(self._encoders, _encode, action, pixels, width, height)
        return results.Image(format=action.format, width=width, height=height), content

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[asyncio.Event]:
        """An event that is set some times a second: GDI tells nobody what was drawn, so all may have changed."""
        changed = asyncio.Event()
        ticking = asyncio.create_task(_tick(changed))
        try:
            yield changed
        finally:
            ticking.cancel()

    def size(self) -> tuple[int, int]:
        """Of the screen, in pixels."""
        return self._api.screen()

    def close(self) -> None:
        """End the threads; the screen's memory goes with the process."""
        self._encoders.shutdown(wait=False, cancel_futures=True)
        self._hands.shutdown(wait=False, cancel_futures=True)

    async def _paste(self, text: str) -> None:
        """By way of the clipboard, whose own text comes back once the program has had time to take ours."""
        before = await self._do(self._clipboard.read)
        held = keys.strokes(["ctrl", "v"], self._scan)
        both = [stroke.input(down=True) for stroke in held] + [stroke.input(down=False) for stroke in reversed(held)]
        await self._do(lambda: self._clipboard.write(text))
        await self._do(lambda: self._send(both))
        await asyncio.sleep(_PASTED_S)
        await self._do(lambda: self._clipboard.write(before or ""))

    def _place(self, x: int | None, y: int | None) -> list[Input]:
        """What moves the pointer there; nothing where no place was named."""
        if x is None and y is None:
            return []
        if x is None or y is None:
            raise bad_action("x and y go together")
        width, height = self.size()
        if not (0 <= x < width and 0 <= y < height):
            raise bad_action(f"{x},{y} is not on the screen, which is {width}x{height}")
        return [layouts.moved(x, y, width=width, height=height)]

    def _where(self) -> tuple[int, int]:
        point = Point()
        if not self._api.user.GetCursorPos(point):
            raise failed("Windows does not say where the pointer is")
        return point.x, point.y

    def _scan(self, character: str) -> int:
        content = character.encode("utf-16-le", errors="replace")
        return int(self._api.user.VkKeyScanW(int.from_bytes(content[:2], "little"))) if len(content) == 2 else -1

    def _send(self, inputs: Iterable[Input]) -> None:
        every = list(inputs)
        for start in range(0, len(every), _AT_ONCE):
            some = layouts.array(every[start : start + _AT_ONCE])
            if self._api.user.SendInput(len(some), some, ctypes.sizeof(Input)) != len(some):
                raise failed("Windows takes no input: the screen is locked, or a program of higher rights is in front")

    async def _do(self, work: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._hands, work)


async def _tick(changed: asyncio.Event) -> None:
    while True:
        changed.set()
        await asyncio.sleep(_LOOK_EVERY_S)


def _encode(action: actions.Screenshot, pixels: memoryview, width: int, height: int) -> bytes:
    encode: Any = importlib.import_module("guest.desktop.encode")
    if action.format == "png":
        content: bytes = encode.png(pixels, width, height)
    else:
        content = encode.jpeg(pixels, width, height, action.quality)
    return content
