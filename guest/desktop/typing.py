"""Typing a text so that exactly it arrives: by keys where the keyboard has them, by the clipboard for the rest."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from guest.desktop.base import bad_action, failed
from guest.desktop.clipboard import CLIPBOARD, PRIMARY, Clipboard
from guest.desktop.connection import Connection
from guest.desktop.keyboard import Keyboard
from guest.desktop.keys import keysym_of_character, keysym_of_key
from guest.desktop.pointer import Pointer
from guest.desktop.windows import Windows
from guest.desktop.xlib import LOCK_MASK

Method = Literal["auto", "keys", "paste"]
_CONTROL = re.compile(r"([\x00-\x1f\x7f])")
_LONGEST_BY_KEYS = 200
_TAKEN_WITHIN_S = 5.0
_LONGEST_SILENCE_S = 1.0
_NUDGE_S = 0.01
_TERMINALS = frozenset({"xterm", "uxterm"})


@dataclass(frozen=True, slots=True)
class Pace:
    """How quickly a kind of program takes what is typed. Keys go in batches of `batch`, `pause_s` after each.

    Of the clipboard: silence for `notice_s` before the paste, for many programs look when it changes, and fetch the
    text for themselves; a fetch within `taken_again_s` of the paste if there was one before; silence after it.
    """

    batch: int = 64
    pause_s: float = 0.002
    lends: bool = True
    settle_s: float = 0.05
    notice_s: float = 0.03
    taken_again_s: float = 0.5
    after_paste_s: float = 0.03


QUICK = Pace()
# Wine reads keys with the layout it knows from its start. It takes X's clipboard a while after that has changed, once.
WINE = Pace(batch=1, pause_s=0.01, lends=False, notice_s=0.3, taken_again_s=0.0, after_paste_s=0.2)


class Typist:
    """One text at a time: the caller sees to it."""

    def __init__(self, connection: Connection, keyboard: Keyboard, pointer: Pointer, *, pace: Pace) -> None:
        self._connection = connection
        self._keyboard = keyboard
        self._pointer = pointer
        self._windows = Windows(connection)
        self._clipboard = Clipboard(connection)
        self._pace = pace

    async def type(self, text: str, method: Method) -> None:
        """Type `text`; line ends and tabs are the keys Return and Tab, but for `paste`, which pastes it as it is.

        Raises:
            ActionFailed: a character that no key types, a keyboard without room for so many, or nobody who pastes.
        """
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise bad_action("a text holds no NUL and no halves of surrogate pairs")
        if method == "paste":
            await self._paste(text)
            return
        pieces = list(_pieces(text.replace("\r\n", "\n")))
        for piece in pieces:
            keysym_of_character(piece[0])
        if method == "keys" or await self._fits_keys("".join(pieces)):
            await self._by_keys([keysym_of_character(character) for character in "".join(pieces)])
            return
        await self._mixed(pieces)

    async def _mixed(self, pieces: list[str]) -> None:
        for piece in pieces:
            if _CONTROL.fullmatch(piece):
                await self._by_keys([keysym_of_character(piece)])
            else:
                await self._paste(piece)

    async def _fits_keys(self, text: str) -> bool:
        if len(text) > _LONGEST_BY_KEYS:
            return False

        def look() -> bool:
            if self._pointer.where()[2] & LOCK_MASK:
                return False
            missing = self._keyboard.without_key(map(keysym_of_character, set(text)))
            return not missing or (self._pace.lends and self._keyboard.may_lend(len(missing)))

        return await self._connection.run(look)

    async def _by_keys(self, keysyms: list[int]) -> None:
        missing = await self._connection.run(lambda: self._keyboard.without_key(set(keysyms)))
        if missing:
            await self._lend(missing)
        for start in range(0, len(keysyms), self._pace.batch):
            batch = keysyms[start : start + self._pace.batch]
            await self._connection.run(lambda batch=batch: self._tap(batch))  # type: ignore[misc]
            await asyncio.sleep(self._pace.pause_s)

    async def _lend(self, missing: set[int]) -> None:
        if not await self._connection.run(lambda: self._keyboard.may_lend(len(missing))):
            raise bad_action(f"the keyboard has no room for {len(missing)} more characters; let them be pasted")
        await self._connection.run(lambda: self._keyboard.lend(sorted(missing)))
        await asyncio.sleep(self._pace.settle_s)

    def _tap(self, keysyms: list[int]) -> None:
        strokes = self._keyboard.strokes(keysyms)
        if strokes is None:
            raise failed("the keyboard was changed while a text was typed")
        self._keyboard.tap(strokes)

    async def _paste(self, text: str) -> None:
        if not text:
            return
        terminal = (await self._connection.run(self._windows.focused_class)).lower() in _TERMINALS
        if terminal:
            await self._connection.run(lambda: self._clipboard.hold(text, CLIPBOARD, PRIMARY))
            await self._paste_and_see(("shift", "insert"), taken_before=False)
            return
        await self._connection.run(lambda: self._clipboard.hold(text, CLIPBOARD))
        await self._silence(self._pace.notice_s)
        await self._paste_and_see(("ctrl", "v"), taken_before=self._clipboard.taken)
        await self._silence(self._pace.after_paste_s)

    async def _paste_and_see(self, chord: tuple[str, str], *, taken_before: bool) -> None:
        self._clipboard.expect()
        await self._connection.run(lambda: self._press_paste(chord))
        within_s = self._pace.taken_again_s if taken_before else _TAKEN_WITHIN_S
        if not await self._nudged(lambda: self._clipboard.taken, within_s) and not taken_before:
            raise failed("no program took the text from the clipboard: nothing that takes text has the keyboard")

    async def _silence(self, for_s: float) -> None:
        """Until nobody has asked for the clipboard for so long, nor has yet to fetch what it asked for."""
        begun = time.monotonic()

        def silent() -> bool:
            quiet_s = time.monotonic() - max(begun, self._clipboard.moved_at)
            return quiet_s >= for_s and not self._clipboard.awaited

        await self._nudged(silent, _LONGEST_SILENCE_S)

    async def _nudged(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait until it holds, and nudge whoever asked for the clipboard meanwhile."""
        deadline = time.monotonic() + within_s
        while not await _until(holds, _NUDGE_S):
            if time.monotonic() > deadline:
                return False
            await self._connection.run(self._clipboard.nudge)
        return True

    def _press_paste(self, chord: tuple[str, str]) -> None:
        strokes = self._keyboard.strokes(map(keysym_of_key, chord))
        if strokes is None:
            raise failed("the keyboard has no keys for pasting")
        held, key = strokes[0][0], strokes[1][0]
        self._keyboard.key(held, down=True)
        self._keyboard.tap([(key, False)])
        self._keyboard.key(held, down=False)


def _pieces(text: str) -> Iterator[str]:
    """Runs of characters that can be pasted, and each control character on its own."""
    return (piece for piece in _CONTROL.split(text) if piece)


async def _until(holds: Callable[[], bool], within_s: float) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not holds():
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.002)
    return True
