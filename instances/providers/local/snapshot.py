"""A copy of the guest program for machines to run: compiled, readable by their users, and untouched by later edits."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_PYTHON = "/usr/bin/python3"


def guest_copy(source: Path, shelf: Path) -> Path:
    """The package folder to bind at /opt/guest: a copy of `source` as it is now, made at first use.

    The checkout may lie in a folder that only root enters, and a running machine must not see the next version's files.
    """
    files = sorted(path for path in source.rglob("*.py") if path.is_file())
    copy = shelf / _digest(source, files)
    if not copy.exists():
        shelf.mkdir(mode=0o755, exist_ok=True)
        with _locked(shelf):
            if not copy.exists():
                _make(source, files, copy)
    return copy / "guest"


def _digest(source: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(source)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _make(source: Path, files: list[Path], copy: Path) -> None:
    draft = copy.with_name(f".{copy.name}")
    shutil.rmtree(draft, ignore_errors=True)
    for path in files:
        target = draft / "guest" / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    # The sandbox sees it read-only, so Python inside could not keep what it compiles. Unchecked: nobody edits a copy.
    compiling = [_PYTHON, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(draft)]
    subprocess.run(compiling, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    draft.rename(copy)


@contextlib.contextmanager
def _locked(shelf: Path) -> Iterator[None]:
    lock = os.open(shelf / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
