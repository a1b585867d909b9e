"""The floor of an action: the guest's own hands in this process, and the programs that others start for each one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from bench import paint
from bench.measure import Measure, timed
from guest.config import Config
from guest.environment import InstanceEnvironment, base
from guest.protocol import actions
from guest.rise import Rise
from guest.session import Session
from guest.shell import Shell


class Hands:
    """A desktop of our own outside of any sandbox, as the guest raises it, and ways to act on it."""

    def __init__(self, runner: asyncio.Runner, config: Config, session: Session) -> None:
        self._runner = runner
        self._session = session
        self._shell = Shell(config, session.display, InstanceEnvironment(config))
        self._picture = Path(config.runtime_dir) / "picture"
        self._programs = base(config, session.display)

    def in_process(self, action: actions.AnyAction) -> Measure:
        """`action` by the guest's hands, called here; for a shell's command, the guest's shell."""
        return timed(lambda: self._runner.run(_awaited(self._way(action))))

    def by_programs(self, *commands: list[str]) -> Measure:
        """The commands one after the other, each a process."""

        def work() -> None:
            for command in commands:
                subprocess.run(
                    command, check=True, env=self._programs, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
                )

        return timed(work)

    def paint(self) -> None:
        """Have the picture of `bench.paint` over the whole desktop."""
        subprocess.run(
            ["/bin/bash", "-c", paint.COMMAND], check=True, env=self._programs, stdin=subprocess.DEVNULL, timeout=60
        )

    def picture(self, ending: str) -> str:
        """Where a program may write a picture."""
        return f"{self._picture}.{ending}"

    def _way(self, action: actions.AnyAction) -> Callable[[], Awaitable[object]]:
        desktop = self._session.desktop
        match action:
            case actions.Click():
                return lambda: desktop.click(action)
            case actions.Type():
                return lambda: desktop.type(action)
            case actions.Screenshot():
                return lambda: desktop.screenshot(action)
            case actions.Bash():
                return lambda: self._shell.run(action.command, action.timeout_s)
            case _:
                raise ValueError(f"no floor for {action}")


async def _awaited(way: Callable[[], Awaitable[object]]) -> None:
    await way()


@contextlib.contextmanager
def hands() -> Iterator[Hands]:
    """A painted desktop; its processes and files are gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="orchestrator-bench-"))
    try:
        with asyncio.Runner() as runner:
            config = _config(folder)
            session = runner.run(_risen(config))
            try:
                yield Hands(runner, config, session)
            finally:
                runner.run(session.close())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _config(folder: Path) -> Config:
    for name in ("home", "run", "private"):
        (folder / name).mkdir()
    home, run, private = (str(folder / name) for name in ("home", "run", "private"))
    return Config(
        f"bench-{os.getpid()}", "", "ubuntu", 1280, 800, gateway="", home=home, runtime_dir=run, private_dir=private
    )


async def _risen(config: Config) -> Session:
    session = await Session.raised(config, Rise(config))
    await session.ready()
    session.desktop.warm()
    return session
