"""Starts web processes with the real server settings, for the project or for `tests.realtime.app`, and ends them."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx

from infra.embedded.processes import wait_until

PROJECT = ("-m", "orchestrator.serve")
SMALL_SITE = (
    "-c",
    "import django; django.setup();"
    "from orchestrator.serve import Server, config; Server(config('tests.realtime.app:application')).run()",
)


class Web:
    """One web process on a port of its own; it may live several times."""

    def __init__(self, folder: Path, program: tuple[str, ...], **environment: str) -> None:
        self.port = _free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        self.log_path = folder / "web.log"
        self._program = program
        self._environment = os.environ | {"PORT": str(self.port), "HOST": "127.0.0.1"} | environment
        self.start()

    def start(self) -> None:
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self._program], env=self._environment, stdout=log, stderr=log
            )
        wait_until(self._answers, timeout_s=60, what="the server")

    def stop(self) -> int:
        """Ask it to go, wait until it went, and say with which code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(15)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log_path.read_text()
        try:
            httpx.get(f"{self.url}/", timeout=5, verify=False)
        except httpx.TransportError:
            return False
        return True


class Served(Web):
    """`tests.realtime.app` and its rows."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self._rows_file = folder / "rows.sqlite3"
        with sqlite3.connect(self._rows_file) as rows:
            rows.execute("PRAGMA journal_mode=WAL")
            rows.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT)")
        super().__init__(
            folder,
            SMALL_SITE,
            DJANGO_SETTINGS_MODULE="tests.realtime.minimal_settings",
            ROWS_FILE=str(self._rows_file),
            REDIS_URL=redis_url,
        )
        self.socket_url = f"ws://{self.address}/ws/11111111-1111-7111-8111-111111111111"

    def erase(self) -> None:
        """No rows, and numbers from one again."""
        with sqlite3.connect(self._rows_file) as rows:
            rows.execute("DELETE FROM rows")
            rows.execute("DELETE FROM sqlite_sequence")

    def add(self, body: str) -> int:
        number: int = httpx.post(f"{self.url}/rows", json={"body": body}, verify=False).json()["number"]
        return number


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
