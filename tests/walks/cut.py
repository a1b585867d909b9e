"""A line through which a test speaks to the platform, and which it can cut: nothing passes then, and nobody is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx


class Line:
    """A port that leads to another one. `cut` stops what passes and what comes; `mend` lets new ones through."""

    def __init__(self, upstream: str) -> None:
        self._upstream = httpx.URL(upstream)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._whole = threading.Event()
        self._whole.set()
        self._era = 0
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        self._era += 1
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self._listener.close()
        self.cut()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                if self._whole.is_set():  # who comes while it is cut waits in vain, as on a network that drops all
                    self._join(client)

    def _join(self, client: socket.socket) -> None:
        host, port = self._upstream.host, self._upstream.port or 80
        server = socket.create_connection((host, port), timeout=10)
        server.settimeout(None)
        self._sockets.append(server)
        for ends in ((client, server), (server, client)):
            threading.Thread(target=self._carry, args=(*ends, self._era), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, era: int) -> None:
        with suppress(OSError):
            while (piece := source.recv(65_536)) and era == self._era:
                target.sendall(piece)
            if era == self._era:
                target.close()


@contextmanager
def line_to(upstream: str) -> Iterator[Line]:
    """A whole line to `upstream`, an address of http."""
    line = Line(upstream)
    try:
        yield line
    finally:
        line.close()
