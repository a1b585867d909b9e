"""Keeps the platform's processes running: starts them in order, restarts one that dies, stops them in reverse."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.embedded.processes import Process, Program, end, started_ticks, trim

_SHORTEST_WAIT_S = 0.2
_LONGEST_WAIT_S = 30.0
_SETTLED_AFTER_S = 60.0


@dataclass(slots=True)
class _Child:
    program: Program
    process: Process
    wait_s: float = _SHORTEST_WAIT_S
    start_again_at: float | None = field(default=None)


class Supervisor:
    """`processes` is a folder with one file per running child; `say` shows a line to the person at the terminal."""

    def __init__(self, processes: Path, say: Callable[[str], None]) -> None:
        self._processes = processes
        self._say = say
        self._children: dict[str, _Child] = {}

    def start(self, program: Program) -> Process:
        """Start it, and again whenever it ends, until `stop`."""
        process = self._spawn(program)
        self._children[program.name] = _Child(program, process)
        return process

    def look(self) -> None:
        """One round: restart what died, when its wait is over; keep every log within bounds. Call it often."""
        now = time.monotonic()
        for child in self._children.values():
            if child.start_again_at is not None:
                self._start_again(child, now)
            elif child.process.exit_code is not None:
                self._plan_restart(child, now)
            trim(child.program.log)

    def is_running(self, name: str) -> bool:
        """Whether that program was started and has not just died."""
        return name in self._children and self._children[name].process.exit_code is None

    def stop(self, *names: str) -> None:
        """End those, or all, the last started first; nothing that we did not start."""
        for name in [name for name in reversed(self._children) if not names or name in names]:
            self._children.pop(name).process.stop()
            self._file(name).unlink(missing_ok=True)

    def _plan_restart(self, child: _Child, now: float) -> None:
        if now - child.process.started_at > _SETTLED_AFTER_S:
            child.wait_s = _SHORTEST_WAIT_S
        ended = _how_it_ended(child.process.exit_code or 0)
        self._say(f"! {child.program.name} {ended}; starting it again in {child.wait_s:g} s ({child.program.log})")
        child.start_again_at = now + child.wait_s
        child.wait_s = min(child.wait_s * 2, _LONGEST_WAIT_S)

    def _start_again(self, child: _Child, now: float) -> None:
        if child.start_again_at is None or now < child.start_again_at:
            return
        try:
            child.process = self._spawn(child.program)
        except OSError as error:  # the host has no room just now, for a process or for its log
            self._say(f"! {child.program.name} cannot be started: {error.strerror}; again in {child.wait_s:g} s")
            child.start_again_at = now + child.wait_s
            child.wait_s = min(child.wait_s * 2, _LONGEST_WAIT_S)
        else:
            child.start_again_at = None

    def _spawn(self, program: Program) -> Process:
        process = Process(program)
        entry = {"pid": process.pid, "ticks": started_ticks(process.pid), "signal": program.stop_signal.value}
        draft = self._file(f".{program.name}")
        with suppress(OSError):  # a full disk; without its record it ends with us all the same, by the kernel
            draft.write_text(json.dumps(entry))
            draft.replace(self._file(program.name))
        return process

    def _file(self, name: str) -> Path:
        return self._processes / f"{name}.json"


def end_leftovers(processes: Path) -> None:
    """End what a supervisor that was killed left running: those very processes, by id and time of start."""
    for file in processes.glob("[!.]*.json"):
        entry = _entry(file)
        if entry is not None and entry["ticks"] is not None:
            end(entry["pid"], entry["ticks"], stop_signal=signal.Signals(entry["signal"]))
        file.unlink()


def _entry(file: Path) -> dict[str, Any] | None:
    """What it says, or None where a power cut emptied it: no process outlived that either."""
    try:
        entry: dict[str, Any] = json.loads(file.read_text())
    except ValueError:
        return None
    return entry


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
