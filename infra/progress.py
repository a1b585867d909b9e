"""What the person at the terminal sees while something takes its time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STILL_EVERY_S = 10.0


def say(line: str = "") -> None:
    """One line, at once, also into a pipe. Where nobody reads any more, as in a closed terminal, nothing is lost."""
    with suppress(OSError):
        print(line, flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Show `name`, the seconds that go by, and how it ended."""
    started = time.monotonic()
    over = threading.Event()
    ticker = threading.Thread(target=_tick, args=(name, started, over), daemon=True)
    ticker.start()
    outcome = "failed after"
    try:
        yield
        outcome = "done in"
    finally:
        over.set()
        ticker.join()
        say(f"{_line_start()}  {name} … {outcome} {time.monotonic() - started:.1f} s")


def _tick(name: str, started: float, over: threading.Event) -> None:
    """On a terminal the line counts; in a log a line every ten seconds says that it goes on."""
    live = sys.stdout.isatty()
    while not over.wait(0.5 if live else _STILL_EVERY_S):
        elapsed = time.monotonic() - started
        if live:
            with suppress(OSError):
                print(f"{_line_start()}  {name} … {elapsed:.0f} s", end="", flush=True)
        else:
            say(f"  {name} … {elapsed:.0f} s")


def _line_start() -> str:
    return "\r\x1b[K" if sys.stdout.isatty() else ""
