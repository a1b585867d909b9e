"""Log lines: one event each, on stderr, as words or as JSON; a flood of one event is thinned out."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

_MACHINE = re.compile(r"([0-9a-f]{32})-\d+")
_WINDOW_S = 10.0
_LINES_PER_WINDOW = 200


def set_up(*, as_json: bool) -> None:
    """Send every logger's lines to stderr in our form. Libraries are heard from warnings upwards."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(as_json=as_json))
    handler.addFilter(_Thinning())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("gateway").setLevel(logging.INFO)


def event(log: logging.Logger, name: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Write one event with its facts. Never pass a token or a URL that may hold a password."""
    log.log(level, name, extra={"facts": {**facts, **_instance_of(facts.get("incarnation", ""))}})


def _instance_of(machine: str) -> dict[str, str]:
    """A machine is named by its instance's id and the number of its incarnation, so lines can carry both."""
    found = _MACHINE.fullmatch(machine)
    return {"instance_id": str(UUID(found[1]))} if found else {}


class _Lines(logging.Formatter):
    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        facts: dict[str, Any] = getattr(record, "facts", {})
        if record.exc_info:
            facts = {**facts, "exception": self.formatException(record.exc_info)}
        if self._as_json:
            line = {"at": at, "level": record.levelname.lower(), "logger": record.name, "event": record.getMessage()}
            return json.dumps({**line, **facts}, default=str)
        # Each value is written as JSON here too: a peer's text can then never begin a line of its own.
        words = " ".join(f"{name}={json.dumps(value, default=str)}" for name, value in facts.items())
        return f"{at} {record.levelname} {record.name}: {record.getMessage()} {words}".rstrip()


class _Thinning(logging.Filter):
    """Lets through so many lines of one event in a window: a guest that redials madly must not fill the disk."""

    def __init__(self) -> None:
        super().__init__()
        self._since = time.monotonic()
        self._counts: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now - self._since > _WINDOW_S:
            self._since, self._counts = now, {}
        kind = (record.name, str(record.msg))
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind] <= _LINES_PER_WINDOW
