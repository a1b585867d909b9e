"""Commands on a real Windows: PowerShell, in the user's home, ended with all that it started at its timeout."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from guest.config import Config
from guest.environment import InstanceEnvironment
from guest.protocol import results

MAX_STREAM_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024
_LAST_WORDS_S = 2.0
_MOST_AT_ONCE = 64
POWERSHELL = ("powershell.exe", "-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File")
# UTF-8 both ways, no progress bars among the errors; and the exit code of the last program, where there was one.
_BEFORE = (
    "$ProgressPreference = 'SilentlyContinue'\n"
    "$OutputEncoding = [Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false\n"
)
_AFTER = "\n$ended = $?; if ($null -ne $LASTEXITCODE) { exit $LASTEXITCODE }; if (-not $ended) { exit 1 }\n"
# What programs need to start at all. Nothing of the guest's own is among it.
_INHERITED = (
    *("SystemRoot", "SystemDrive", "windir", "ComSpec", "PATH", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "USERNAME"),
    *("APPDATA", "LOCALAPPDATA", "ProgramData", "ProgramFiles", "ProgramFiles(x86)", "PSModulePath", "HOMEDRIVE"),
    *("HOMEPATH", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "PUBLIC", "ALLUSERSPROFILE"),
)


class PowerShell:
    """Any number of commands at once. `argv` is the shell's, the script's path comes after it."""

    def __init__(self, config: Config, instance: InstanceEnvironment, *, argv: Sequence[str] = POWERSHELL) -> None:
        self._home = config.home
        self._instance = instance
        self._argv = tuple(argv)
        self._threads = ThreadPoolExecutor(_MOST_AT_ONCE, "command")

    async def run(self, command: str, timeout_s: float) -> results.Shell:
        """What the command wrote and how it ended.

        Raises:
            OSError: the shell could not be started.
            ValueError: the command holds a NUL.
        """
        if "\0" in command:
            raise ValueError("embedded null character")
        script = _script(command)
        try:
            return await self._run(script, timeout_s)
        finally:
            script.unlink(missing_ok=True)

    async def _run(self, script: Path, timeout_s: float) -> results.Shell:
        child = self._start(script)
        out, err = _Stream(child.stdout), _Stream(child.stderr)
        timed_out = await self._waited(child, timeout_s)
        # A program in the background may hold them open; what it says later is not waited for.
        for stream in (out, err):
            await self._in_thread(stream.join, _LAST_WORDS_S)
        return results.Shell(
            stdout=out.text(),
            stderr=err.text(),
            exit_code=None if timed_out else child.returncode,
            timed_out=timed_out,
            truncated=out.truncated or err.truncated,
        )

    def _start(self, script: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._argv, str(script)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._home,
            env=self._environment(),
        )

    async def _waited(self, child: subprocess.Popen[bytes], timeout_s: float) -> bool:
        """Until it has ended, by itself or at the timeout. Whether it was the timeout."""
        try:
            await self._in_thread(child.wait, timeout_s)
        except subprocess.TimeoutExpired:
            return True
        finally:
            if child.poll() is None:
                await self._in_thread(_end, child)
        return False

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def _environment(self) -> Mapping[str, str]:
        return {name: os.environ[name] for name in _INHERITED if name in os.environ} | dict(self._instance.variables)


def _script(command: str) -> Path:
    """A file of its own: a command line takes less than a command may have. With its mark PowerShell reads UTF-8."""
    descriptor, name = tempfile.mkstemp(suffix=".ps1")
    with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="\r\n") as file:
        file.write(_BEFORE + command + _AFTER)
    return Path(name)


class _Stream(threading.Thread):
    """Reads one stream to its end, in a thread: Windows has no other way. All is read, only the first part is kept."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        super().__init__(name="stream", daemon=True)
        assert pipe is not None
        self.truncated = False
        self._pipe = pipe
        self._kept = bytearray()
        self.start()

    def run(self) -> None:
        with self._pipe, contextlib.suppress(OSError):
            while came := os.read(self._pipe.fileno(), _READ_BYTES):
                room = MAX_STREAM_BYTES - len(self._kept)
                self._kept += came[:room]
                self.truncated |= len(came) > room

    def text(self) -> str:
        """What came till now, with our line ends."""
        return bytes(self._kept).decode("utf-8", errors="replace").replace("\r\n", "\n")


def _end(child: subprocess.Popen[bytes]) -> None:
    """With all that it started, where the system can name them."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            ["taskkill.exe", "/PID", str(child.pid), "/T", "/F"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LAST_WORDS_S,
            check=False,
        )
    child.kill()
    child.wait()
