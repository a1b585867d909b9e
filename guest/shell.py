"""Commands: a shell as a process group of its own, ended as a group at its timeout, with both streams kept apart."""

from __future__ import annotations

import asyncio
import codecs
import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping

from guest.children import signal_group
from guest.config import Config
from guest.environment import InstanceEnvironment, base
from guest.programs import WINE
from guest.protocol import results
from guest.supervise import ended

MAX_STREAM_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024
_HELD_AT_MOST = 256
_DROP_EVERY_S = 0.01
_LONGEST_CMD = 8_000
_CMD_VARIABLE = "INSTANCE_COMMAND"
# Wine escapes quotes in an argument in a way that cmd does not undo. So the command travels as a variable, which the
# outer cmd puts in and hands on as it is; the inner one drops the outermost quotes (/s) and runs the rest.
_CMD = [WINE, "cmd", "/c", "cmd", "/s", "/c", f"%{_CMD_VARIABLE}%"]


class Shell:
    """Any number of commands at once; each starts in the user's home with nothing to read."""

    def __init__(self, config: Config, display: str, instance: InstanceEnvironment) -> None:
        self._base: Mapping[str, str] = base(config, display)
        self._instance = instance
        self._home = config.home
        self._windows = config.flavour == "windows"
        self._held: deque[_Stream] = deque()

    async def run(self, command: str, timeout_s: float) -> results.Shell:
        """What the command wrote and how it ended. What it leaves in the background goes on, and is not waited for:
        what that writes later is read and dropped.

        Raises:
            OSError: the shell could not be started.
            ValueError: the command holds a NUL.
        """
        out, out_end = _Stream.open()
        err, err_end = _Stream.open()
        try:
            child = self._start(command, out_end, err_end)
        except (OSError, ValueError):
            out.close()
            err.close()
            raise
        finally:
            os.close(out_end)
            os.close(err_end)
        out.listen()
        err.listen()
        timed_out = await _wait(child, timeout_s)
        done = results.Shell(
            stdout=out.text(),
            stderr=err.text(),
            exit_code=None if timed_out else _exit_code(child),
            timed_out=timed_out,
            truncated=out.truncated or err.truncated,
        )
        self._hold(out, err)
        return done

    def _hold(self, *streams: _Stream) -> None:
        """They are open for as long as a program in the background has them; the eldest of too many are closed."""
        self._held = deque(stream for stream in (*self._held, *streams) if stream.is_open)
        while len(self._held) > _HELD_AT_MOST:
            self._held.popleft().close()

    def _start(self, command: str, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
        environment = {**self._base, **self._instance.variables}
        argv = ["/bin/bash", "-c", command]
        if self._windows:
            if len(command) > _LONGEST_CMD:
                raise ValueError(f"cmd takes {_LONGEST_CMD} characters at most")
            argv = _CMD
            environment[_CMD_VARIABLE] = f'"{command}"'
        return subprocess.Popen(
            argv,
            env=environment,
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )


class _Stream:
    """The reading end of one stream: all that comes is read, only the first part is kept, and nothing of what comes
    once the text was told: a program whose output nobody takes would be ended by its next word."""

    def __init__(self, descriptor: int) -> None:
        self.truncated = False
        self.is_open = True
        self._descriptor = descriptor
        self._kept = bytearray()

    @classmethod
    def open(cls) -> tuple[_Stream, int]:
        """A stream and the descriptor to write to it."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        return cls(reading), writing

    def listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def text(self) -> str:
        """What came till now."""
        while self.is_open and self._read():
            pass
        kept, self._kept = bytes(self._kept), bytearray()
        self._drop_on()
        return _decoded(kept, truncated=self.truncated)

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)

    def _read(self) -> bool:
        """Whether there may be more at once."""
        try:
            came = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return False
        if not came:
            self.close()
            return False
        room = MAX_STREAM_BYTES - len(self._kept)
        self._kept += came[:room]
        self.truncated |= len(came) > room
        return not self.truncated

    def _drop_on(self) -> None:
        if self.is_open:
            asyncio.get_running_loop().add_reader(self._descriptor, self._drop)

    def _drop(self) -> None:
        """Some of it, and then a pause: a flood waits for us, and not we for it."""
        try:
            if not os.read(self._descriptor, _READ_BYTES):
                self.close()
        except BlockingIOError:
            return
        if self.is_open:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._descriptor)
            loop.call_later(_DROP_EVERY_S, self._drop_on)


async def _wait(child: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Until it has ended, by itself or at the timeout; reaped either way. Whether it was the timeout."""
    timed_out = False
    try:
        await asyncio.wait_for(ended(child), timeout_s)
    except TimeoutError:
        timed_out = True
    finally:
        # Also where we are cancelled: nobody else will reap it.
        if timed_out or child.poll() is None:
            signal_group(child, signal.SIGKILL)
        child.wait()
    return timed_out


def _decoded(content: bytes, *, truncated: bool) -> str:
    """UTF-8 where it is that, a character cut in two at the end left out; else Windows' Latin, as Wine's cmd writes."""
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(content, final=not truncated)
    except UnicodeDecodeError:
        return content.decode("utf-8" if b"\r\n" not in content else "cp1252", errors="replace")


def _exit_code(child: subprocess.Popen[bytes]) -> int:
    """As a shell tells it: 128 and the signal's number where a signal ended it."""
    return child.returncode if child.returncode >= 0 else 128 - child.returncode
