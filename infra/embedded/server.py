"""What our own database server and our own broker have in common: a folder, a port, a process with a log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from infra.embedded.processes import Failed, Process, Program
from infra.embedded.secrets import Secrets


@dataclass(slots=True)
class Server(ABC):
    """One server with its data in `home`. `durable=False` gives up safety of the data for speed."""

    title: ClassVar[str]

    home: Path
    port: int
    secrets: Secrets
    log: Path
    durable: bool = True
    _process: Process | None = field(default=None, init=False, repr=False)

    def start(self) -> None:
        """Have it run and answer: as new, after a stop, after a crash. For callers without a supervisor."""
        self.stop()  # also reaps one that was killed: Postgres takes a zombie for a living postmaster
        self.prepare()
        self._process = Process(self.program())
        self.wait_ready(self._process)

    def stop(self) -> None:
        """Shut it down cleanly; what it has is on disk when it is durable. Not running is success."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def running(self) -> bool:
        """Whether our own server process is there."""
        return self._process is not None and self._process.exit_code is None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise Failed(f"{self.title} is not started")
        return self._process.pid

    @abstractmethod
    def prepare(self) -> None:
        """Have all that it needs to start. Twice is the same as once."""

    @abstractmethod
    def program(self) -> Program:
        """The server as the supervisor starts it."""

    @abstractmethod
    def wait_ready(self, process: Process, *, timeout_s: float = 20.0) -> None:
        """Until it answers.

        Raises:
            Failed: it ended, or the time is over; with the end of its log.
        """
