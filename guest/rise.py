"""The session's first moments: the X server and what it shows, started while the rest is imported."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from guest import programs
from guest.children import Adopted, Child, spawn
from guest.config import Config
from guest.environment import base, prepare_shells

_LOOK_AGAIN_S = 0.002


class RiseFailed(RuntimeError):
    """The X server or a program of the session could not be started."""


@dataclass(frozen=True, slots=True)
class Risen:
    """The started processes; nothing is painted yet."""

    display: str
    server: Child
    window_manager: Child
    shown: Child


class Rise:
    """Begins at once; `risen` waits for it. `ahead` is an X server that was begun before."""

    def __init__(self, config: Config, *, ahead: tuple[int, int] | None = None) -> None:
        self._config = config
        self._ahead = ahead
        self._risen: Risen | None = None
        self._error = ""
        self._thread = threading.Thread(target=self._run, name="rise", daemon=True)
        self._thread.start()

    def risen(self) -> Risen:
        """The session's processes, once they are started.

        Raises:
            RiseFailed: with what went wrong.
        """
        self._thread.join()
        if self._risen is None:
            raise RiseFailed(self._error)
        return self._risen

    def _run(self) -> None:
        try:
            _make_room(self._config)
            server, ready = self._server()
            prepare_shells(self._config)
            display = _display(server, ready)
            manager = start_window_manager(self._config, display)
            # A program that meets a window manager on its way up may wait five seconds for an answer from it.
            _await_window_manager(self._config, manager)
            self._risen = Risen(display, server, manager, start_shown(self._config, display))
        except (OSError, RiseFailed) as error:
            self._error = str(error)

    def _server(self) -> tuple[Child, int]:
        if self._ahead is None:
            return _start_server(self._config)
        number, ready = self._ahead
        return Adopted(number), ready


def start_window_manager(config: Config, display: str) -> Child:
    """Raises `OSError`."""
    return spawn(config, "window-manager", programs.window_manager(config), base(config, display))


def start_shown(config: Config, display: str) -> Child:
    """The flavour's own program. Raises `OSError`."""
    if config.flavour == "browser":
        programs.forget_locks(config)
    return spawn(config, "shown", programs.shown(config), base(config, display))


def _make_room(config: Config) -> None:
    Path(config.runtime_dir).mkdir(parents=True, exist_ok=True)
    Path(config.private_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    programs.wm_ready(config).unlink(missing_ok=True)
    (Path(config.private_dir) / "x-resources").write_text(programs.RESOURCES)


def _start_server(config: Config) -> tuple[Child, int]:
    ready, tell = os.pipe()
    try:
        argv = programs.x_server(config, ready_descriptor=tell)
        return spawn(config, "x-server", argv, base(config), keep=(tell,)), ready
    finally:
        os.close(tell)


def _await_window_manager(config: Config, manager: Child) -> None:
    ready = programs.wm_ready(config)
    while not ready.exists():
        if manager.poll() is not None:
            raise RiseFailed(f"the window manager ended with {manager.returncode}")
        time.sleep(_LOOK_AGAIN_S)


def _display(server: Child, ready: int) -> str:
    with os.fdopen(ready, "rb") as answer:
        number = answer.readline().strip()
    if not number:
        raise RiseFailed(f"the X server ended with {server.wait()}")
    return f":{number.decode()}"
