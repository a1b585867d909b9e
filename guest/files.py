"""Files of the machine's user: read, written in one step, listed. By the rights of that user and no others."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from guest.config import Config
from guest.desktop.base import ActionFailed, bad_action, failed
from guest.protocol import actions, results

ENTRIES_AT_MOST = 1_000
_DRIVE = re.compile(r"(?P<letter>[A-Za-z]):[/\\]?(?P<rest>.*)", re.DOTALL)
_NEW_FILE = 0o644


class Files:
    """Each method blocks on the disk for a moment: call it in a thread. All raise `ActionFailed`."""

    def __init__(self, config: Config) -> None:
        self._home = Path(config.home)
        self._windows = (
            config.flavour == "windows" and os.name != "nt"
        )  # Wine's drives are folders; Windows' are its own

    def act(self, action: actions.ReadFile | actions.WriteFile | actions.ListFiles) -> tuple[results.Result, bytes]:
        """The answer, and a file's bytes where they were asked for."""
        match action:
            case actions.ReadFile():
                return self._read(action)
            case actions.WriteFile():
                return results.Result(file=self._write(action)), b""
            case actions.ListFiles():
                return results.Result(entries=self._list(self.place(action.path))), b""

    def place(self, path: str) -> Path:
        """Where `path` is on the disk: links followed, so that a link is not replaced by what it leads to."""
        if "\0" in path:
            raise bad_action("a path holds no NUL")
        drive = _DRIVE.fullmatch(path) if self._windows else None
        if drive:
            inside = drive["rest"].replace("\\", "/").lstrip("/")
            path = str(self._home / ".wine" / f"drive_{drive['letter'].lower()}" / inside)
        elif path == "~" or path.startswith("~/"):
            path = str(self._home / path[2:])
        with told(path):
            return (self._home / path).resolve()

    def content(self, place: Path, *, at_most: int) -> bytes:
        """All of a file. One that is longer is refused."""
        with told(str(place)), _opened(place) as file:
            size = os.fstat(file.fileno()).st_size
            if size > at_most:
                raise bad_action(f"{place} has {size} bytes; at most {at_most} are taken here")
            return file.read(at_most)

    def replace(self, place: Path, content: bytes) -> None:
        """Write `content` beside `place` and move it there, with the rights that the old file had."""
        with told(str(place)):
            if place.is_dir():
                raise bad_action(f"{place} is a folder")
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name[:100]}.", delete=False) as draft:
                try:
                    draft.write(content)
                    draft.flush()
                    os.fchmod(draft.fileno(), _mode_of(place))
                    Path(draft.name).replace(place)
                except OSError:
                    Path(draft.name).unlink(missing_ok=True)
                    raise

    def _read(self, action: actions.ReadFile) -> tuple[results.Result, bytes]:
        place = self.place(action.path)
        with told(str(place)), _opened(place) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(action.offset)
            part = file.read(action.length)
        return results.Result(file=results.File(path=str(place), size=size, offset=action.offset)), part

    def _write(self, action: actions.WriteFile) -> results.File:
        if (action.content is None) == (action.data is None):
            raise bad_action("send either content, a text, or data, bytes in base64")
        new = action.data if action.data is not None else _encoded(action.content or "")
        place = self.place(action.path)
        if not action.append:
            self.replace(place, new)
            return results.File(path=str(place), size=len(new))
        with told(str(place)):
            place.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(place, flags, _NEW_FILE), "ab") as file:
                _must_be_a_file(place, os.fstat(file.fileno()))
                file.write(new)
                file.flush()
                return results.File(path=str(place), size=os.fstat(file.fileno()).st_size)

    def _list(self, place: Path) -> list[results.Entry]:
        with told(str(place)), os.scandir(place) as found:
            entries = [_entry(each) for each in itertools.islice(found, ENTRIES_AT_MOST)]
        return sorted(entries, key=lambda entry: entry.name)


@contextlib.contextmanager
def told(path: str) -> Iterator[None]:
    """The system's errors as a caller is told them, by `ActionFailed`."""
    try:
        yield
    except ActionFailed:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        refuse = bad_action if _is_of_the_path(error) else failed
        raise refuse(f"{path[:200]}: {getattr(error, 'strerror', None) or error}") from error


def _is_of_the_path(error: Exception) -> bool:
    """Whether only another path would do. `resolve` tells of links that run in a circle by a `RuntimeError`."""
    by_class = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, RuntimeError, ValueError)
    by_number = (errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP)
    return isinstance(error, by_class) or getattr(error, "errno", None) in by_number


@contextlib.contextmanager
def _opened(place: Path) -> Iterator[BinaryIO]:
    """Without waiting: a named pipe has no writer, perhaps never."""
    descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _must_be_a_file(place, os.fstat(descriptor))
    except ActionFailed:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _must_be_a_file(place: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise bad_action(f"{place} is {'a folder' if stat.S_ISDIR(found.st_mode) else 'no ordinary file'}")


def _mode_of(place: Path) -> int:
    try:
        return stat.S_IMODE(place.stat().st_mode)
    except FileNotFoundError:
        return _NEW_FILE


def _entry(found: os.DirEntry[str]) -> results.Entry:
    name = found.name.encode(errors="replace").decode(errors="replace")
    try:
        if found.is_dir():
            return results.Entry(name=name, kind="folder", size=0)
        return results.Entry(name=name, kind="file" if found.is_file() else "other", size=found.stat().st_size)
    except OSError:
        return results.Entry(name=name, kind="other", size=0)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise bad_action("the text holds half of a surrogate pair") from error
