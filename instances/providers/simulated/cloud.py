"""The simulated cloud's own book: a SQLite file of machines and lies, which any number of processes share."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from common import clock
from instances.providers.base import Power
from instances.providers.simulated.lies import HONEST, Lies

_SCHEMA = """
CREATE TABLE IF NOT EXISTS machine (
    token TEXT PRIMARY KEY, flavour TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
    made_at REAL NOT NULL, up_at REAL, ends_at REAL, rests INTEGER NOT NULL DEFAULT 0, boots INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lies (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), told TEXT NOT NULL);
"""
_COLUMNS = "token, flavour, width, height, made_at, up_at, ends_at, rests, boots"
_END = "UPDATE machine SET ends_at = ? WHERE token = ? AND (ends_at IS NULL OR ends_at > ?)"
_BUSY_S = 20.0


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as it really is, lies aside. Times are Unix seconds; `up_at` None: it will never be up."""

    token: str
    flavour: str
    width: int
    height: int
    made_at: float
    up_at: float | None
    ends_at: float | None
    rests: bool
    boots: int

    @property
    def power(self) -> Power:
        now = _now()
        if self.ends_at is not None and self.ends_at <= now:
            return Power.GONE
        if self.rests:
            return Power.RESTING
        return Power.UP if self.up_at is not None and self.up_at <= now else Power.RISING


class Cloud:
    """Opened anew for each call, so that threads, forks and killed processes need not care. Not safe against a power
    cut, and need not be. Time is `common.clock`'s."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self, *machines: Machine) -> None:
        """Put machines there; a token that is taken stays as it is."""
        marks = ", ".join("?" * len(_COLUMNS.split(",")))
        with self._book() as book:
            book.execute("BEGIN IMMEDIATE")
            book.execute("DELETE FROM machine WHERE ends_at <= ?", [_now()])
            rows = (tuple(getattr(machine, name) for name in _COLUMNS.split(", ")) for machine in machines)
            book.executemany(f"INSERT OR IGNORE INTO machine ({_COLUMNS}) VALUES ({marks})", rows)  # noqa: S608 - our own names
            book.execute("COMMIT")

    def machine(self, token: str) -> Machine | None:
        """The machine of that name, if it has not ended."""
        return next(iter(self._read("WHERE token = ?", token)), None)

    def machines(self) -> list[Machine]:
        """All that have not ended, by name."""
        return self._read("ORDER BY token")

    def end(self, token: str, *, in_s: float = 0.0) -> None:
        """Have it end, disk and all; one that ends sooner already does so."""
        at = _now() + in_s
        with self._book() as book:
            book.execute(
                "UPDATE machine SET ends_at = ? WHERE token = ? AND (ends_at IS NULL OR ends_at > ?)", [at, token, at]
            )
            book.execute("DELETE FROM machine WHERE ends_at <= ?", [_now()])

    def rest(self, token: str) -> None:
        with self._book() as book:
            book.execute("UPDATE machine SET rests = 1 WHERE token = ?", [token])

    def boot(self, token: str, *, up_at: float | None) -> None:
        """Start a resting machine; one that is up already stays as it is."""
        with self._book() as book:
            book.execute(
                "UPDATE machine SET rests = 0, boots = boots + 1, up_at = ? WHERE token = ? AND rests", [up_at, token]
            )

    def lies(self) -> Lies:
        """What every process is told to lie about now."""
        with self._book() as book:
            told = book.execute("SELECT told FROM lies").fetchone()
        return HONEST if told is None else Lies(**json.loads(told[0]))

    def tell(self, lies: Lies) -> None:
        """From now on, in every process, these are the lies."""
        with self._book() as book:
            book.execute("INSERT OR REPLACE INTO lies VALUES (1, ?)", [json.dumps(asdict(lies))])

    def _read(self, condition: str, *values: object) -> list[Machine]:
        with self._book() as book:
            rows = book.execute(f"SELECT {_COLUMNS} FROM machine {condition}", values).fetchall()  # noqa: S608 - our own texts
        found = (Machine(*row) for row in rows)
        return [machine for machine in found if machine.power is not Power.GONE]

    @contextmanager
    def _book(self) -> Iterator[sqlite3.Connection]:
        book = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
        try:
            book.execute("PRAGMA synchronous = OFF")
            if not book.execute("SELECT 1 FROM sqlite_master WHERE name = 'lies'").fetchone():
                book.execute("PRAGMA journal_mode = WAL")
                book.executescript(_SCHEMA)
            yield book
        finally:
            book.close()


def _now() -> float:
    return clock.now().timestamp()
