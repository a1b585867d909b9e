"""Many peers of one door who all begin the same way, and then go on slowly or not at all."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

from tests.counts import tried

CROWD = 40
"""More than the web process has threads."""
PATIENCE_S = 30.0
BEGUN = b"POST /api/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
_SMALL_SEGMENT_BYTES = 536
_FEW_BYTES = 4096


def to_port(port: int, *, reads_little: bool = False) -> Callable[[], socket.socket]:
    """Dials this machine's `port`. `reads_little`: the kernels on both sides hold little of what is not read, as they
    would between two machines; on loopback it would be megabytes."""

    def dial() -> socket.socket:
        line = socket.socket()
        line.settimeout(PATIENCE_S)
        if reads_little:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _FEW_BYTES)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SMALL_SEGMENT_BYTES)
        line.connect(("127.0.0.1", port))
        return line

    return dial


def to_path(path: Path) -> Callable[[], socket.socket]:
    """Dials the unix socket at `path`."""

    def dial() -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(PATIENCE_S)
        line.connect(str(path))
        return line

    return dial


class Crowd:
    """While it stands, each of its members says `drip` once more every `every_s`."""

    def __init__(
        self,
        dial: Callable[[], socket.socket],
        begun: bytes,
        *,
        drip: bytes = b"",
        every_s: float = 0.1,
        number: int = CROWD,
    ) -> None:
        self._drip, self._every_s = drip, every_s
        self.members = [dial() for _ in range(number)]
        for member in self.members:
            member.sendall(begun)
        self._ended = threading.Event()
        self._dripping = threading.Thread(target=self._go_on, daemon=True)
        self._dripping.start()
        tried("slow clients", number)

    def last_words(self) -> list[bytes]:
        """What each was told before its line was cut."""
        return [until_the_end(member) for member in self.members]

    def first_words(self, number: int) -> set[bytes]:
        """What the first bytes of their answers are, once each has some; they stay unread."""
        return {member.recv(number, socket.MSG_PEEK) for member in self.members}

    def leave(self) -> None:
        """Hang up, whatever is still to be read."""
        self._ended.set()
        self._dripping.join()
        for member in self.members:
            member.close()

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def _go_on(self) -> None:
        while self._drip and not self._ended.wait(self._every_s):
            for member in self.members:
                try:
                    member.sendall(self._drip)
                except OSError:
                    continue  # parted with


def until_the_end(member: socket.socket) -> bytes:
    """All that comes, until the other side ends the line in whichever way."""
    said = b""
    try:
        while piece := member.recv(65_536):
            said += piece
    except ConnectionResetError:
        pass
    return said
