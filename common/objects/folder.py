"""An object store in a folder of this host, for one host's processes. Knows no Django."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from common.objects.base import NoSuchObject, StoreAway, Stored, StoreFull, checked_folder, checked_key

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FolderStore:
    """Each object is a file, written beside its place and moved there, so that none is ever seen in part.

    `min_free_bytes` of the disk stay free: the database, which may lie on it too, needs room more urgently.
    """

    def __init__(self, root: Path, *, min_free_bytes: int = 0) -> None:
        self._root = root
        self._min_free_bytes = min_free_bytes

    def put(self, key: str, content: bytes) -> None:
        place = self._root / checked_key(key)
        with _told():
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if shutil.disk_usage(place.parent).free - len(content) < self._min_free_bytes:
                raise StoreFull("the disk has no room to spare")
            beside = place.parent / f".{uuid4().hex}"
            try:
                _write(beside, content)
                beside.replace(place)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        with _told(), (self._root / checked_key(key)).open("rb") as file:
            file.seek(start)
            return file.read(-1 if length is None else length)

    def delete(self, folder: str) -> None:
        place = self._root / checked_folder(folder)
        with _told(), suppress(FileNotFoundError):
            shutil.rmtree(place)

    def listed(self, folder: str) -> Iterator[Stored]:
        place = self._root / checked_folder(folder)
        for path in place.rglob("*") if place.is_dir() else ():
            with suppress(FileNotFoundError):  # taken away meanwhile
                found = path.stat()
                if path.is_file() and not path.name.startswith("."):
                    moment = datetime.fromtimestamp(found.st_mtime, UTC)
                    yield Stored(path.relative_to(self._root).as_posix(), found.st_size, moment)

    def folders(self, folder: str) -> Iterator[str]:
        place = self._root / checked_folder(folder)
        for path in place.iterdir() if place.is_dir() else ():
            if path.is_dir():
                yield f"{path.relative_to(self._root).as_posix()}/"


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _told() -> Iterator[None]:
    """The disk's errors in the seam's words."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NoSuchObject("nothing lies there") from error
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFull("the disk is full") from error
        raise StoreAway(f"the disk says {errno.errorcode.get(error.errno or 0, 'no')}") from error
