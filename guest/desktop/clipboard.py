"""The clipboard: we own X's selections ourselves, so we know when a program has taken what we hold."""

from __future__ import annotations

import ctypes
import time

from guest.desktop import xlib
from guest.desktop.connection import Connection
from guest.desktop.pointer import sync
from guest.desktop.xlib import x11

PRIMARY = "PRIMARY"
CLIPBOARD = "CLIPBOARD"
_UTF8_TARGETS = ("UTF8_STRING", "text/plain;charset=utf-8")
_LATIN_TARGETS = ("STRING", "TEXT", "text/plain")


class Clipboard:
    """Methods run on the X thread; the attributes may be read from any.

    `moved_at`: when somebody last asked for anything or fetched it, by the monotonic clock. `taken`: somebody has
    fetched the text.
    """

    def __init__(self, connection: Connection) -> None:
        self.moved_at = 0.0
        self.taken = False
        self._connection = connection
        self._text = ""
        self._deliveries: dict[tuple[int, int], bool] = {}
        self._taker = 0
        self._atoms: dict[str, int] = {}
        display = connection.display
        self._window: int = x11.XCreateSimpleWindow(display, connection.root, -10, -10, 1, 1, 0, 0, 0)
        connection.listeners[xlib.SELECTION_REQUEST] = self._on_request
        connection.listeners[xlib.PROPERTY_NOTIFY] = self._on_property

    def hold(self, text: str, *selections: str) -> None:
        """Own the selections, with `text` in them."""
        self._text = text
        self._deliveries.clear()
        for selection in selections:
            x11.XSetSelectionOwner(self._connection.display, self._atom(selection), self._window, xlib.CURRENT_TIME)
        sync(self._connection)
        self.expect()

    def expect(self) -> None:
        """Forget who has taken it till now."""
        self.taken = False

    def nudge(self) -> None:
        """Send an event that means nothing to whoever fetched something last.

        Chromium now and then reads its line while it waits for something else, and then sleeps on what it has read
        until more comes. It may do so in the midst of a paste, and gives the text up after a second.
        """
        if self._taker:
            event = xlib.Event()
            event.client_message.type = xlib.CLIENT_MESSAGE
            event.client_message.window = self._taker
            event.client_message.message_type = self._atom("_GUEST_NUDGE")
            event.client_message.format = 32
            x11.XSendEvent(self._connection.display, self._taker, 0, 0, ctypes.byref(event))
            x11.XFlush(self._connection.display)

    @property
    def awaited(self) -> bool:
        """Whether whoever fetched something last has asked for more and not yet fetched that.

        Others do not count: the X server's own window asks what there is, and leaves the answer lying.
        """
        return any(window == self._taker for window, _ in list(self._deliveries))

    def _on_request(self, event: xlib.Event) -> None:
        request = event.selection_request
        given = self._give(request)
        answer = xlib.Event()
        answer.selection.type = xlib.SELECTION_NOTIFY
        answer.selection.requestor = request.requestor
        answer.selection.selection = request.selection
        answer.selection.target = request.target
        answer.selection.property = (request.property or request.target) if given else 0
        answer.selection.time = request.time
        x11.XSendEvent(self._connection.display, request.requestor, 0, 0, ctypes.byref(answer))
        x11.XFlush(self._connection.display)
        self.moved_at = time.monotonic()

    def _give(self, request: xlib.SelectionRequest) -> bool:
        place = request.property or request.target
        if request.target == self._atom("TARGETS"):
            names = ("TARGETS", *_UTF8_TARGETS, *_LATIN_TARGETS)
            targets = (ctypes.c_ulong * len(names))(*map(self._atom, names))
            self._deliver(request.requestor, place, False, xlib.ATOM, 32, bytes(targets), len(names))
            return True
        if request.target in map(self._atom, _UTF8_TARGETS):
            content = self._text.encode()
        elif request.target in map(self._atom, _LATIN_TARGETS):
            content = self._text.encode("latin-1", "replace")
        else:
            return False
        kind = self._atom("STRING") if request.target == self._atom("TEXT") else request.target
        self._deliver(request.requestor, place, True, kind, 8, content, len(content))
        return True

    def _deliver(
        self, window: int, place: int, is_text: bool, kind: int, width: int, content: bytes, count: int
    ) -> None:
        # The taker deletes the property once it has read it, which is how we know.
        x11.XSelectInput(self._connection.display, window, xlib.PROPERTY_CHANGE_MASK)
        self._deliveries[window, place] = is_text
        x11.XChangeProperty(*(self._connection.display, window, place, kind, width, xlib.REPLACE, content, count))

    def _on_property(self, event: xlib.Event) -> None:
        delivery = (event.property.window, event.property.atom)
        if event.property.state == xlib.PROPERTY_DELETED and delivery in self._deliveries:
            if self._deliveries.pop(delivery):
                self.taken = True
            x11.XSelectInput(self._connection.display, event.property.window, 0)
            self._taker = event.property.window
            self.moved_at = time.monotonic()

    def _atom(self, name: str) -> int:
        if name not in self._atoms:
            self._atoms[name] = x11.XInternAtom(self._connection.display, name.encode(), 0)
        return self._atoms[name]
