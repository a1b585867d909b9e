"""Listening sockets: one gateway a directory, and a path that changes hands in one step."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Taken(Exception):
    """Another gateway serves this directory."""


@contextmanager
def sole_holder(lock: Path) -> Iterator[None]:
    """Be the one gateway of the lock's directory. The lock falls with the process, however that ends.

    Raises:
        Taken: a living process holds it.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Taken(f"another gateway holds {lock}") from error
        yield
    finally:
        os.close(descriptor)


def make_directories(*, ours: Path, guests: Path) -> None:
    """`ours` may be passed through (sandboxes are built by other users), `guests` may be listed too."""
    ours.mkdir(mode=0o711, parents=True, exist_ok=True)
    guests.mkdir(exist_ok=True)
    guests.chmod(0o755)


@contextmanager
def listening_on_path(path: Path, *, birthplace: Path, mode: int) -> Iterator[socket.socket]:
    """A listening unix socket at `path`, whatever lay there before; gone from there at the end.

    It is born in `birthplace` and moved over `path` when it listens: whoever dials meets the old one or the new
    one, never a gap, and never a socket with a wider mode. Call it as the sole holder of the directory.
    """
    newborn = birthplace / f".{path.name}"
    newborn.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        before = os.umask(0o177)
        try:
            listener.bind(str(newborn))
        finally:
            os.umask(before)
        listener.listen(2048)
        newborn.chmod(mode)
        newborn.replace(path)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def listening_on_port(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises OSError where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)
