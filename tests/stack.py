"""The whole platform for tests, as `make up` starts it: its own ports, folders and processes, ended with the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.client import Credentials
from infra.embedded.paths import CHECKOUT
from infra.embedded.processes import free_port, tail, wait_until
from tests.services import OUTSIDE, temporary_directory

_UP_WITHIN_S = 240.0
_HEALTHY_WITHIN_S = 60.0
_PROCESSES = ("gateway", "web", "worker", "beat", "postgres", "valkey")


@dataclass(frozen=True, slots=True)
class Stack:
    """A running platform. `name` in its methods is one of web, gateway, worker, beat, postgres, valkey."""

    url: str
    credentials: Credentials
    state_dir: Path

    @property
    def api_key(self) -> str:
        return self.credentials.api_key

    @property
    def site_id(self) -> str:
        return self.credentials.site_id

    def client(self, *, timeout_s: float = 60.0) -> httpx.Client:
        """An HTTP client with the demo site's key. The caller closes it."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False, verify=False)

    def environment(self) -> dict[str, str]:
        """For a process of the test that must see this platform's database and broker instead of the unit tests'."""
        assignments = subprocess.run(
            ["bash", "-c", 'set -a; . "$0"; env -0', str(self.state_dir / "env")], capture_output=True, check=True
        ).stdout
        return dict(entry.split("=", 1) for entry in assignments.decode().split("\0") if "=" in entry)

    def pid(self, name: str) -> int:
        """Of the process that the supervisor runs under that name now."""
        return json.loads((self.state_dir / "data" / "processes" / f"{name}.json").read_text())["pid"]

    def kill(self, name: str) -> None:
        """SIGKILL; the supervisor starts it again by itself. Returns when the new one is there."""
        self._replace(name, signal.SIGKILL)

    def restart(self, name: str) -> None:
        """SIGTERM, and back when a new one is there and the platform is well again."""
        self._replace(name, signal.SIGTERM)
        self.await_healthy()

    def await_healthy(self) -> None:
        """Raises `Failed` when it is not within a minute."""
        wait_until(self._is_healthy, timeout_s=_HEALTHY_WITHIN_S, what="a healthy platform", every_s=0.1)

    def logs(self, *, lines: int = 40) -> str:
        """The end of each process's log."""
        logs = self.state_dir / "logs"
        return "\n".join(f"--- {name}\n{tail(logs / f'{name}.log', lines=lines)}" for name in ("up", *_PROCESSES))

    def _replace(self, name: str, sign: signal.Signals) -> None:
        old = self.pid(name)
        os.kill(old, sign)
        wait_until(lambda: self.pid(name) != old, timeout_s=30, what=f"another {name}")

    def _is_healthy(self) -> bool:
        # No TLS here, so no certificates to read, which takes 25 ms of what the platform needs to come up.
        try:
            answer = httpx.get(f"{self.url}/api/system/health", timeout=5, trust_env=False, verify=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200


@contextmanager
def started_stack(*, durable: bool = False) -> Iterator[Stack]:
    """Start the platform, and at the end take it away whole: machines, processes, data.

    `durable` has its commits wait for the disk, as a real platform's do: for who measures.
    """
    folder = temporary_directory("stack")
    state_dir, port = folder / "state", free_port()
    (state_dir / "logs").mkdir(parents=True)
    quick = () if durable else ("--throwaway",)
    up = _infra(folder, "infra.up", "--no-instance", *quick, "--port", str(port), state_dir=state_dir)
    try:
        yield _await_up(up, state_dir, port)
    finally:
        down = _infra(folder, "infra.down", "--wipe", state_dir=state_dir)
        down.wait(timeout=180)
        up.wait(timeout=60)


def _await_up(up: subprocess.Popen[bytes], state_dir: Path, port: int) -> Stack:
    log = state_dir / "logs" / "up.log"

    def is_up() -> bool:
        assert up.poll() is None, f"the platform ended at its start:\n{tail(log, lines=60)}"
        return b"Kept in" in log.read_bytes()

    wait_until(is_up, timeout_s=_UP_WITHIN_S, what="the platform's start", every_s=0.1)
    stack = Stack(f"http://127.0.0.1:{port}", Credentials.read(state_dir / "credentials.json"), state_dir)
    stack.await_healthy()
    return stack


def _infra(folder: Path, module: str, *arguments: str, state_dir: Path) -> subprocess.Popen[bytes]:
    with (folder / "infra.log" if module == "infra.down" else state_dir / "logs" / "up.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, "--state-dir", str(state_dir), *arguments],
            cwd=CHECKOUT,
            env=OUTSIDE | {"RUNTIME_DIR": str(folder), "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
