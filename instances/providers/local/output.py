"""What the machine's program writes to its output: into the keeper's log while there is room, and its tail kept."""

from __future__ import annotations

import contextlib
import os
import sys

_LOG_BYTES = 1024 * 1024
_TAIL_BYTES = 2048
_SENTENCE = 300


class Output:
    """A pipe from the sandbox. `writer` goes into it, `reader` is for the keeper's poll."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.reader, False)
        self._room = _LOG_BYTES
        self._tail = b""

    def drain(self) -> bool:
        """Take what is there. False at the end of the stream."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.reader, 65536):
                self._keep(chunk)
            return False
        return True

    def last_words(self) -> str:
        """The last line that says something, cut to a sentence; without the host's paths where the host speaks."""
        self.drain()
        lines = [line.strip() for line in self._tail.decode(errors="replace").splitlines() if line.strip()]
        if not lines:
            return ""
        if lines[-1].startswith("bwrap: "):
            return " ".join(word if "/" not in word else "(path)" for word in lines[-1].split())[:_SENTENCE]
        return lines[-1][:_SENTENCE]

    def _keep(self, chunk: bytes) -> None:
        self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
        if self._room > 0:
            sys.stderr.buffer.write(chunk[: self._room])
            sys.stderr.flush()
            self._room -= len(chunk)
