"""One deployment on this machine: its folders, servers and environment. What `up`, `down` and the tests share."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from infra.embedded.paths import CHECKOUT, State
from infra.embedded.postgres import Postgres
from infra.embedded.processes import Failed, free_port, tail, trim
from infra.embedded.secrets import Secrets, write_private
from infra.embedded.valkey import Valkey

RATE_LIMITS = {
    "RATE_LIMIT_KEY": "60000/60",
    "RATE_LIMIT_SITE": "60000/60",
    "RATE_LIMIT_ADDRESS": "60000/60",
    "RATE_LIMIT_ANONYMOUS": "6000/60",
    "RATE_LIMIT_FAILURES": "600/60",
}
"""On one host for oneself everybody comes from one address, and a script may be in a hurry."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of this deployment, the same at each start as long as nobody else takes one."""

    postgres: int
    valkey: int
    gateway: int

    @classmethod
    def chosen(cls, kept_in: Path) -> Ports:
        """Those in the file where they are free still, else others, written there."""
        known = json.loads(kept_in.read_text()) if kept_in.exists() else {}
        ports = cls(**{name: free_port(preferred=known.get(name)) for name in ("postgres", "valkey", "gateway")})
        write_private(kept_in, json.dumps(asdict(ports)) + "\n")
        return ports


@dataclass(frozen=True, slots=True)
class Deployment:
    """`port` is the web's. `durable=False` is for tests: quick, and nothing outlives a power cut."""

    state: State
    secrets: Secrets
    ports: Ports
    port: int
    durable: bool = True

    @property
    def url(self) -> str:
        """How clients reach us: `PUBLIC_URL`, or the loopback address."""
        return os.environ.get("PUBLIC_URL", "").rstrip("/") or f"http://127.0.0.1:{self.port}"

    def postgres(self) -> Postgres:
        log = self.state.logs / "postgres.log"
        return Postgres(self.state.postgres, self.ports.postgres, self.secrets, log, durable=self.durable)

    def valkey(self) -> Valkey:
        log = self.state.logs / "valkey.log"
        return Valkey(self.state.valkey, self.ports.valkey, self.secrets, log, durable=self.durable)

    def settings(self) -> dict[str, str]:
        """What every process of the platform is told; the names are those that `orchestrator.settings` reads."""
        postgres = self.postgres()
        return {
            "DATABASE_URL": postgres.url("app"),
            "DATABASE_CREW_URL": postgres.url("crew"),
            "DATABASE_OWNER_URL": postgres.url("owner"),
            "REDIS_URL": self.valkey().url(),
            "SECRET_KEY": self.secrets.django,
            "FIELD_KEYS": self.secrets.field_key,
            "GATEWAY_SECRET": self.secrets.gateway,
            "GATEWAY_DIR": str(self.state.gateway),
            "GATEWAY_PORT": str(self.ports.gateway),
            "MACHINES_DIR": str(self.state.machines),
            "GUEST_SITE_DIR": str(self.state.guest_site),
            "TEMPLATES_DIR": str(self.state.templates),
            "STATE_DIR": str(self.state.root),
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "PROMETHEUS_MULTIPROC_DIR": str(self.state.metrics),
            **{name: os.environ.get(name, limit) for name, limit in RATE_LIMITS.items()},
        }

    def environment(self) -> dict[str, str]:
        """Ours, and over it the settings."""
        return {**os.environ, **self.settings(), "PYTHONUNBUFFERED": "1"}

    def write_env_file(self) -> None:
        """For people and tools: `set -a; . STATE_DIR/env` and any `manage.py` command speaks to this deployment."""
        lines = (f"{name}={shlex.quote(value)}\n" for name, value in self.settings().items())
        write_private(self.state.env_file, "".join(lines))

    def run(self, *arguments: str, timeout_s: float = 300.0) -> None:
        """Run a command of ours (`manage.py migrate`) to its end; what it says goes to setup.log.

        Raises:
            Failed: it did not end well or in time; with the end of what it said.
        """
        log = self.state.logs / "setup.log"
        trim(log)
        with log.open("ab") as output:
            output.write(f"$ {' '.join(arguments)}\n".encode())
            output.flush()
            try:
                self._run(arguments, output, timeout_s)
            except Failed as failure:
                raise Failed(f"{failure}:\n{tail(log)}") from failure

    def run_shown(self, *arguments: str, timeout_s: float = 900.0) -> None:
        """The same for a command that shows its own progress to the person at the terminal."""
        self._run(arguments, None, timeout_s)

    def _run(self, arguments: tuple[str, ...], output: IO[bytes] | None, timeout_s: float) -> None:
        try:
            code = subprocess.run(
                [sys.executable, *arguments],
                cwd=CHECKOUT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                start_new_session=True,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{' '.join(arguments)}: not within {timeout_s:g} s") from error
        if code:
            raise Failed(f"{' '.join(arguments)} ended with code {code}")


def at(state: State, *, port: int, durable: bool = True) -> Deployment:
    """The deployment in `state`, about to start: its secrets and ports are made where they are missing."""
    secrets = Secrets.kept_in(state.secrets)
    return Deployment(state, secrets, Ports.chosen(state.ports), port, durable)


class AlreadyRunning(Failed):
    """Another supervisor holds the deployment; `pid` is its process."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"already running (process {pid})")
        self.pid = pid


@contextmanager
def held(state: State) -> Iterator[None]:
    """Hold the deployment: one supervisor at a time. The kernel lets go of it however we end.

    Raises:
        AlreadyRunning: another one holds it.
    """
    descriptor = os.open(state.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(int(os.pread(descriptor, 20, 0) or b"0")) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
