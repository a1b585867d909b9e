"""Where one deployment keeps what on this machine.

`STATE_DIR` (in the checkout) has what a person looks at: credentials, logs, secrets. What servers running as another
account must reach, and sockets, whose paths must be short, lie in a runtime directory outside any private folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.processes import Failed
from infra.embedded.secrets import write_private

CHECKOUT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class State:
    """One deployment's folders. `runtime` is named by a random id kept in `root`: a fresh `root` means fresh data."""

    root: Path
    runtime: Path
    cache: Path

    @classmethod
    def at(cls, root: Path, *, runtime_root: Path | None = None) -> State:
        """The deployment whose `STATE_DIR` is `root`; makes its folders when they are missing.

        Raises:
            Failed: its id is broken, so nobody knows which data are its own.
        """
        root = root.absolute()
        root.mkdir(parents=True, exist_ok=True)
        runtime = (runtime_root or default_runtime_root()) / _id_in(root)
        runtime.mkdir(parents=True, exist_ok=True)
        runtime.chmod(0o755)  # other accounts pass through to what is theirs
        state = cls(root=root, runtime=runtime, cache=default_cache())
        state.cache.mkdir(parents=True, exist_ok=True)
        state.logs.mkdir(exist_ok=True)
        state.processes.mkdir(exist_ok=True)
        _link(root / "data", runtime)
        return state

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.json"

    @property
    def credentials(self) -> Path:
        return self.root / "credentials.json"

    @property
    def env_file(self) -> Path:
        return self.root / "env"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        return self.runtime / "up.lock"

    @property
    def ports(self) -> Path:
        return self.runtime / "ports.json"

    @property
    def processes(self) -> Path:
        """One file per process that runs: its id, so that the next supervisor ends what a killed one left."""
        return self.runtime / "processes"

    @property
    def postgres(self) -> Path:
        return self.runtime / "postgres"

    @property
    def valkey(self) -> Path:
        return self.runtime / "valkey"

    @property
    def gateway(self) -> Path:
        return self.runtime / "gateway"

    @property
    def machines(self) -> Path:
        return self.runtime / "machines"

    @property
    def metrics(self) -> Path:
        """The figures of all processes, which each maps into its memory."""
        return self.runtime / "metrics"

    @property
    def guest_site(self) -> Path:
        return self.cache / "guest-site"

    @property
    def templates(self) -> Path:
        return self.cache / "templates"

    def wipe(self) -> None:
        """Remove every trace; what is dear to build and holds no data (`cache`) stays."""
        for folder in (self.runtime, self.root):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(folder)


def _id_in(root: Path) -> str:
    """The deployment's id, made where it is missing: of two that make it at once one wins, and none is half written."""
    file = root / "id"
    with _alone_in(root):
        if not file.exists():
            write_private(file, secrets.token_hex(5) + "\n")
    id_ = file.read_text().strip()
    if not re.fullmatch("[0-9a-f]{10}", id_):
        # An empty one would name the folder of all deployments, and a reset would take them all away.
        hint = f"Write into it the last part of what {root / 'data'} points to, or delete it to begin without data."
        raise Failed(f"{file} holds no deployment's id. {hint}")
    return id_


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def default_runtime_root() -> Path:
    """`RUNTIME_DIR`, or the system's place for a service's data, or the user's own."""
    if chosen := os.environ.get("RUNTIME_DIR"):
        return Path(chosen).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/orchestrator")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "orchestrator"


def default_cache() -> Path:
    """Shared by all deployments of this account: the guest's dependencies and the desktops' templates."""
    if os.geteuid() == 0:
        return Path("/var/cache/orchestrator")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "orchestrator"


def reachable_by_others(path: Path) -> bool:
    """Whether another account may pass through every folder above `path`."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)
