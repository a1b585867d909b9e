"""Starts `tests.realtime.app` with the real server settings in a process of its own, and ends it."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx

RUN = (
    "import django; django.setup();"
    "from orchestrator.serve import Server, config; Server(config('tests.realtime.app:application')).run()"
)


class Served:
    """One web process, its port and its rows."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket_url = f"ws://127.0.0.1:{self.port}/ws/11111111-1111-7111-8111-111111111111"
        self._rows_file = folder / "rows.sqlite3"
        self._log = (folder / "web.log").open("ab")
        self.log_path = folder / "web.log"
        with sqlite3.connect(self._rows_file) as rows:
            rows.execute("PRAGMA journal_mode=WAL")
            rows.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT)")
        self._environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.realtime.minimal_settings",
            "ROWS_FILE": str(self._rows_file),
            "REDIS_URL": redis_url,
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
        }
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN], env=self._environment, stdout=self._log, stderr=self._log
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{self.url}/probe", timeout=1)
                return
            except httpx.TransportError as error:
                assert self.process.poll() is None, self.log_path.read_text()
                assert time.monotonic() < deadline, f"the server did not come up: {error}"

    def stop(self) -> int:
        """Ask it to go, wait until it went, and say with which code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(15)

    def erase(self) -> None:
        """No rows, and numbers from one again."""
        with sqlite3.connect(self._rows_file) as rows:
            rows.execute("DELETE FROM rows")
            rows.execute("DELETE FROM sqlite_sequence")

    def add(self, body: str) -> int:
        number: int = httpx.post(f"{self.url}/rows", json={"body": body}).json()["number"]
        return number


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
