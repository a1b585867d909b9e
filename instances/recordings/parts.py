"""A part of a recording as its object holds it: JPEGs one behind the other, then the actions as lines of JSON.

What is not yet written lies in a `Reel`, which is bounded: whoever fills it writes it out when it is full.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import orjson

from common.api.renderers import dumps
from instances.models import Log, LogType

FULL_BYTES = 4 * 1024 * 1024
ACTIONS_OF = (LogType.USER_ACTION, LogType.AGENT_ACTION)
_MESSAGE_CHARACTERS, _ARGUMENTS_BYTES = 500, 8 * 1024

Frame = tuple[int, int, int]
"""When (ms from the recording's beginning), from which byte of the part on, and how many bytes."""


@dataclass(frozen=True, slots=True)
class Written:
    """A part ready to be stored."""

    content: bytes
    index: list[Frame]
    actions: int
    actions_at: int


@dataclass(slots=True)
class Reel:
    """Frames and actions since the last part was written."""

    _frames: list[tuple[int, bytes]] = field(default_factory=list)
    _actions: list[bytes] = field(default_factory=list)
    _size: int = 0
    _last: bytes = b""

    def add_frame(self, at_ms: int, picture: bytes) -> None:
        """The same picture as before is none: after a gap the first one often is."""
        digest = hashlib.blake2b(picture, digest_size=16).digest()
        if digest != self._last:
            self._last = digest
            self._frames.append((at_ms, picture))
            self._size += len(picture)

    def add_action(self, action: dict[str, Any]) -> None:
        line = dumps(action)
        self._actions.append(line)
        self._size += len(line)

    @property
    def frames(self) -> int:
        return len(self._frames)

    @property
    def is_full(self) -> bool:
        return self._size >= FULL_BYTES

    @property
    def is_empty(self) -> bool:
        return not self._frames and not self._actions

    def cut(self) -> Written:
        """What it holds, as a part; it is empty then."""
        index, offset = [], 0
        for at_ms, picture in self._frames:
            index.append((at_ms, offset, len(picture)))
            offset += len(picture)
        lines = b"".join(line + b"\n" for line in self._actions)
        content = b"".join(picture for _, picture in self._frames) + lines
        written = Written(content, index, len(self._actions), offset)
        self._frames, self._actions, self._size = [], [], 0
        return written


def action_of(entry: Log, *, started_ms: float) -> dict[str, Any]:
    """A log entry as a recording keeps it: what the log says of it and no more, so typed text is in neither."""
    took_ms = entry.duration_ms or 0.0
    ended_ms = entry.created_at.timestamp() * 1000 - started_ms
    arguments = entry.tool_args if len(dumps(entry.tool_args)) <= _ARGUMENTS_BYTES else {}
    return {
        "at_ms": max(0, round(ended_ms - took_ms)),
        "duration_ms": round(took_ms, 1),
        "log_id": str(entry.pk),
        "type": entry.tool_name,
        "message": entry.message[:_MESSAGE_CHARACTERS],
        "arguments": arguments,
        "is_error": entry.is_error,
        "user_id": str(entry.user_id) if entry.user_id else None,
        "agent_id": str(entry.agent_id) if entry.agent_id else None,
    }


def actions_in(lines: bytes) -> list[dict[str, Any]]:
    """The actions of a part, from the bytes after its frames."""
    return [orjson.loads(line) for line in lines.splitlines()]
