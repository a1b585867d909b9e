"""Text files looked at and changed by small commands, each of which can be undone."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from pathlib import Path

from guest.desktop.base import bad_action
from guest.files import Files, told
from guest.protocol import actions

_BYTES = 4 * actions.EDITED_CHARACTERS
_UNDONE_AT_MOST = 10
_FILES_REMEMBERED = 64
_SHOWN_AROUND = 4
_SHOWN_IN_FOLDER = 200


class Editor:
    """What a file was before each change is remembered while the guest lives: ten changes of 64 files."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._before: dict[Path, deque[str | None]] = defaultdict(lambda: deque(maxlen=_UNDONE_AT_MOST))
        self._one_at_a_time = threading.Lock()

    def edit(self, action: actions.Edit) -> str:
        """What the command has to say. Raises `ActionFailed`."""
        place = self._files.place(action.path)
        with self._one_at_a_time, told(str(place)):
            match action.command:
                case "view":
                    return self._view(place, action.view_range)
                case "create":
                    return self._create(place, action.file_text)
                case "str_replace":
                    return self._replace(place, action.old_str, action.new_str or "")
                case "insert":
                    return self._insert(place, action.insert_line, action.new_str)
                case "undo_edit":
                    return self._undo(place)

    def _view(self, place: Path, wanted: list[int] | None) -> str:
        if place.is_dir():
            return self._folder(place)
        lines = self._text(place).split("\n")
        first, last = wanted or [1, -1]
        last = len(lines) if last == -1 else last
        if not 1 <= first <= last or first > len(lines):
            raise bad_action(f"view_range: {place} has lines 1 to {len(lines)}")
        return _numbered(lines, first, min(last, len(lines)))

    def _folder(self, place: Path) -> str:
        entries, _ = self._files.act(actions.ListFiles(path=str(place)))
        shown = [entry for entry in entries.entries or [] if not entry.name.startswith(".")][:_SHOWN_IN_FOLDER]
        return "\n".join([f"{place}:", *(f"{entry.name}{'/' * (entry.kind == 'folder')}" for entry in shown)])

    def _create(self, place: Path, text: str | None) -> str:
        if text is None:
            raise bad_action("create needs file_text")
        self._change(place, text)
        return f"{place} is written, {len(text)} characters."

    def _replace(self, place: Path, old: str | None, new: str) -> str:
        if not old:
            raise bad_action("str_replace needs old_str")
        text = self._text(place)
        found = text.count(old)
        if found != 1:
            where = ", ".join(str(line) for line in _lines_of(text, old))
            raise bad_action(f"old_str stands {found} times in {place}" + (f", in lines {where}" if where else ""))
        self._change(place, text.replace(old, new))
        return self._shown(place, text[: text.index(old)].count("\n"), new.count("\n"))

    def _insert(self, place: Path, behind: int | None, new: str | None) -> str:
        if behind is None or new is None:
            raise bad_action("insert needs insert_line and new_str")
        lines = self._text(place).split("\n")
        if behind > len(lines):
            raise bad_action(f"insert_line: {place} has {len(lines)} lines")
        added = new.removesuffix("\n").split("\n")
        self._change(place, "\n".join([*lines[:behind], *added, *lines[behind:]]))
        return self._shown(place, behind, len(added))

    def _undo(self, place: Path) -> str:
        steps = self._before.get(place)
        if not steps:
            raise bad_action(f"nothing of {place} is left to undo")
        before = steps[-1]
        if before is None:
            place.unlink(missing_ok=True)
        else:
            self._write(place, before)
        steps.pop()
        return f"{place} is gone again." if before is None else f"{place} is as it was before."

    def _text(self, place: Path) -> str:
        try:
            return self._files.content(place, at_most=_BYTES).decode()
        except UnicodeDecodeError as error:
            raise bad_action(f"{place} is no UTF-8 text") from error

    def _write(self, place: Path, text: str) -> None:
        if len(text) > actions.EDITED_CHARACTERS:
            raise bad_action(
                f"{place} would have {len(text)} characters; at most {actions.EDITED_CHARACTERS} are taken"
            )
        try:
            self._files.replace(place, text.encode())
        except UnicodeEncodeError as error:
            raise bad_action("the text holds half of a surrogate pair") from error

    def _change(self, place: Path, text: str) -> None:
        """Write it, and what was there before is remembered: a change that fails is none that could be undone."""
        before = self._text(place) if place.exists() else None
        self._write(place, text)
        if len(self._before) >= _FILES_REMEMBERED and place not in self._before:
            self._before.pop(next(iter(self._before)))
        self._before[place].append(before)

    def _shown(self, place: Path, line: int, count: int) -> str:
        lines = self._text(place).split("\n")
        first, last = max(1, line + 1 - _SHOWN_AROUND), min(len(lines), line + count + 1 + _SHOWN_AROUND)
        return f"{place} is changed:\n{_numbered(lines, first, last)}"


def _numbered(lines: list[str], first: int, last: int) -> str:
    return "\n".join(f"{number:6}\t{lines[number - 1]}" for number in range(first, last + 1))


def _lines_of(text: str, old: str) -> list[int]:
    places: list[int] = []
    start = text.find(old)
    while start != -1 and len(places) < 10:
        places.append(text.count("\n", 0, start) + 1)
        start = text.find(old, start + 1)
    return places
