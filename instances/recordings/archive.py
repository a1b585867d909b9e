"""A recording as a zip, written while it is read: a manifest, the frames, the actions."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import orjson

from instances.models import Recording
from instances.recordings import reading

VERSION = 1
_DATED = (1980, 1, 1, 0, 0, 0)
_PIECE_BYTES = 256 * 1024


def zipped(row: Recording, about: Mapping[str, Any]) -> Generator[bytes, None, None]:
    """`manifest.json` (`about`, and each frame's moment), `frames/NUMBER.jpg`, `actions.jsonl`; a part's bytes at most
    are held. Where the store fails in the middle, the zip ends unfinished, which every program for zips notices."""
    sink = _Sink()
    with ZipFile(sink, "w") as archive:
        for name, packed, pieces in _entries(row, about):
            entry = ZipInfo(name, _DATED)
            entry.compress_type = ZIP_DEFLATED if packed else ZIP_STORED
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w") as file:
                for piece in pieces:
                    file.write(piece)
                    if sink.size >= _PIECE_BYTES:
                        yield sink.taken()
            if sink.size >= _PIECE_BYTES:
                yield sink.taken()
    yield sink.taken()


class _Sink:
    """Where the zip is written to: it cannot be sought in, so entries tell their sizes behind their bytes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, piece: bytes, /) -> int:
        self._pieces.append(bytes(piece))
        self.size += len(piece)
        return len(piece)

    def flush(self) -> None:
        """There is nothing behind it."""

    def close(self) -> None:
        """There is nothing to close."""

    def taken(self) -> bytes:
        pieces, self._pieces, self.size = self._pieces, [], 0
        return b"".join(pieces)


def _entries(row: Recording, about: Mapping[str, Any]) -> Iterator[tuple[str, bool, Iterator[bytes]]]:
    yield "manifest.json", True, _manifest(row, about)
    number = 0
    for part in reading.every_part(row):
        frames = memoryview(reading.frames_of(part))
        for _, offset, length in reading.index_of(part):
            number += 1
            yield _name(number), False, iter([bytes(frames[offset : offset + length])])
    yield "actions.jsonl", True, _actions(row)


def _manifest(row: Recording, about: Mapping[str, Any]) -> Iterator[bytes]:
    head = orjson.dumps({"version": VERSION, "recording": about, "frames": []}, default=str)
    yield head.removesuffix(b"]}")
    number = 0
    for part in reading.every_part(row):
        for at_ms, _, _ in reading.index_of(part):
            number += 1
            comma = b",\n" if number > 1 else b"\n"
            yield comma + orjson.dumps({"file": _name(number), "at_ms": at_ms})
    yield b"\n]}\n"


def _actions(row: Recording) -> Iterator[bytes]:
    for part in reading.every_part(row):
        yield from (orjson.dumps(action) + b"\n" for action in reading.actions_of(part))


def _name(number: int) -> str:
    return f"frames/{number:06}.jpg"
