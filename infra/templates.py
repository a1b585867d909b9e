"""What machines are made from, built once: the guest's dependencies, a Wine prefix, a warm Chromium profile.

`python -m infra.templates --guest-site DIR --templates DIR [--flavours ubuntu,browser,windows]`. What is there and fits
the installed packages is left alone, so calling it before every start costs nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from infra import desks
from infra.progress import say, step

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements" / "guest.txt"
GUEST_PYTHON = "/usr/bin/python3"
_STAMP = ".made-from"
_SHAPE = "3"  # raise it when a template is built in another way
_PACKAGES = {"browser": ("chromium",), "windows": ("wine64", "libwine", "fonts-wine")}


class Failed(Exception):
    """Something could not be built; the text says what, and what the tool said."""


def main(arguments: list[str]) -> int:
    """Build what is missing. Each part is tried; 1 if one of them failed."""
    options = _options(arguments)
    outcomes = [_attempt("Guest dependencies", partial(build_guest_site, options.guest_site))]
    for flavour in options.flavours.split(","):
        if flavour in _PACKAGES:
            outcomes.append(_attempt(f"Template {flavour}", partial(build_template, options.templates, flavour)))
    return 0 if all(outcomes) else 1


def build_guest_site(folder: Path) -> bool:
    """Install the guest's dependencies for the machine's own Python into `folder`. False when they are there already.

    Raises:
        Failed: they cannot be installed.
    """
    with _locked(folder):
        made_from = _digest(REQUIREMENTS.read_text(), _output_of([GUEST_PYTHON, "--version"]))
        return _make(folder, made_from, _install_guest_site)


def build_template(templates: Path, flavour: str) -> bool:
    """Make the home that machines of `flavour` start with. False when it is there already, or has nothing to hold.

    Raises:
        Failed: it cannot be made; machines then start slower, and all the same.
    """
    versions = [version for name in _PACKAGES[flavour] if (version := _package_version(name))]
    if not versions:
        return False
    with _locked(templates):
        made_from = _digest(flavour, *versions)
        return _make(templates / flavour, made_from, lambda draft: _build_home(flavour, draft))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="infra.templates", description=__doc__)
    parser.add_argument("--guest-site", type=Path, required=True, help="folder for the guest's dependencies")
    parser.add_argument("--templates", type=Path, required=True, help="folder for the flavours' homes")
    parser.add_argument("--flavours", default="ubuntu,browser,windows", help="which, separated by commas")
    return parser.parse_args(arguments)


def _attempt(name: str, build: Callable[[], bool]) -> bool:
    try:
        with step(name):
            build()
    except (Failed, OSError, subprocess.SubprocessError) as error:
        say(f"! {name}: {error}")
        return False
    return True


def _make(folder: Path, made_from: str, build: Callable[[Path], None]) -> bool:
    """Build beside `folder` and put it in place whole, unless what is there was made from the same."""
    stamp = folder / _STAMP
    if stamp.is_file() and stamp.read_text() == made_from:
        return False
    draft = folder.with_name(f".{folder.name}.new")
    _remove(draft)
    draft.mkdir(parents=True)
    build(draft)
    (draft / _STAMP).write_text(made_from)
    _open_to_all(draft)
    old = folder.with_name(f".{folder.name}.old")
    _remove(old)
    with contextlib.suppress(FileNotFoundError):
        folder.rename(old)  # a machine that runs keeps it in sight until it ends
    draft.rename(folder)
    _remove(old)
    return True


def _install_guest_site(draft: Path) -> None:
    install = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--python", GUEST_PYTHON]
    source = ["--target", str(draft), "--require-hashes", "-r", str(REQUIREMENTS)]
    _run([*install, "--compile-bytecode", *source])


def _build_home(flavour: str, draft: Path) -> None:
    home = draft / "home"
    build = {"windows": desks.make_wine_home, "browser": desks.make_browser_home}[flavour]
    try:
        build(home)
    except desks.Unbuilt as error:
        raise Failed(str(error)) from error


def _package_version(package: str) -> str:
    asked = ["dpkg-query", "--show", "--showformat=${Package} ${Version}\n", package]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def _output_of(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise Failed(done.stderr.strip()[-2000:] or f"{command[0]} ended with {done.returncode}")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join((_SHAPE, *parts)).encode()).hexdigest()


def _open_to_all(folder: Path) -> None:
    """Machines run as users of their own, who read these files and copy them."""
    subprocess.run(["/bin/chmod", "-R", "a+rX", str(folder)], check=True)
    if os.geteuid() == 0:
        subprocess.run(["/bin/chown", "-R", "--no-dereference", "0:0", str(folder)], check=True)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two deployments share these folders, and may be started at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.parent / f".{folder.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
