"""The seam to object stores: what the platform asks of one, and how one says no. Knows no Django."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

_KEY = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")


class StoreAway(Exception):
    """The store cannot be reached, or does not answer as it should: worth another try."""


class StoreFull(Exception):
    """There is no room for more."""


class NoSuchObject(Exception):
    """Nothing lies under this key."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as a listing shows it."""

    key: str
    size: int
    modified_at: datetime


class ObjectStore(Protocol):
    """Objects under keys such as `recordings/a/b/000001`; a folder is a key's beginning up to a slash.

    Every method may be called from any thread, and raises `StoreAway` where the store cannot be asked.
    """

    def put(self, key: str, content: bytes) -> None:
        """Keep `content`, all of it or nothing; what lay there is replaced.

        Raises:
            StoreFull: nothing was kept.
        """

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """`length` bytes from `start` on, or all to the end; fewer where there are no more.

        Raises:
            NoSuchObject: nothing lies there.
        """

    def delete(self, folder: str) -> None:
        """Take away all below `folder`, which ends with a slash; nothing there is success."""

    def listed(self, folder: str) -> Iterator[Stored]:
        """All below `folder`, in no order that one may rely on."""

    def folders(self, folder: str) -> Iterator[str]:
        """The folders right below `folder`, whole keys with their slash."""


def checked_key(key: str) -> str:
    """Return `key`.

    Raises:
        ValueError: it is none: each of its parts is plain, and none begins with a dot.
    """
    if len(key) > 500 or not _KEY.fullmatch(key):
        raise ValueError(f"not a key of an object: {key[:80]!r}")
    return key


def checked_folder(folder: str) -> str:
    """The same for a folder, so that a slip never takes away the whole store."""
    if not folder.endswith("/"):
        raise ValueError(f"not a folder of objects: {folder[:80]!r}")
    checked_key(folder[:-1])
    return folder
