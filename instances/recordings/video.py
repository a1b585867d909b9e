"""A recording as a video: its frames at their moments, through ffmpeg, and out as they are encoded.

What ffmpeg decodes was sent by a machine, which is not trusted: it gets two pipes, no environment, and limits.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress

from django.conf import settings
from django.db import Error
from psycopg_pool import PoolTimeout

from common.errors import Conflict, NotSetUp, PlatformError, TooMany, Unavailable
from common.realtime.follow import release_connections
from instances.models import Recording
from instances.recordings import reading

logger = logging.getLogger(__name__)

AT_ONCE = 2
"""Of one process: each keeps a core busy."""
_PIECE_BYTES = 64 * 1024
_LIMITS = ("prlimit", "--as=2147483648", "--cpu=3600", "--nofile=64", "--core=0", "nice", "-n", "10")
_slots = threading.BoundedSemaphore(AT_ONCE)


class Video:
    """An iterator over an MP4's bytes. To be closed, whether or not it was read.

    It raises Unavailable where it ends too early: what there was of it would look like all of it.
    """

    def __init__(self, row: Recording) -> None:
        """Begin to encode.

        Raises:
            NotSetUp: there is no ffmpeg here.
            Conflict: there is no frame to show.
            TooMany: enough videos are made just now.
        """
        program = shutil.which(settings.FFMPEG)
        if program is None:
            raise NotSetUp("There is no ffmpeg here, so no video; the zip has every frame.", code="NO_FFMPEG")
        first = next((part for part in reading.every_part(row) if part.index), None)
        if first is None:
            raise Conflict("The recording has no picture yet.", code="EMPTY_RECORDING")
        size = _size(reading.frames_of(first))
        if not _slots.acquire(blocking=False):
            raise TooMany("Enough videos are being made just now.", retry_after_s=10.0)
        self._closed = threading.Lock()
        self._is_whole = False
        try:
            self._process = subprocess.Popen(
                _command(program, row.max_fps, size),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PATH": "/usr/bin:/bin"},
                cwd="/",
            )
        except BaseException:
            _slots.release()
            raise
        threading.Thread(target=self._feed, args=(row,), name=f"video-{row.pk}", daemon=True).start()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        assert self._process.stdout is not None
        piece = self._process.stdout.read1(_PIECE_BYTES)  # type: ignore[attr-defined]
        if not piece and (
            not self._is_whole or self._process.wait()
        ):  # also one that was killed over its last pictures
            raise Unavailable("The rest of the video could not be made.")
        if not piece:
            raise StopIteration
        return bytes(piece)

    def close(self) -> None:
        """End ffmpeg, if it goes on still. Twice is success."""
        if self._closed.acquire(blocking=False):
            self._process.kill()
            self._process.wait()
            _slots.release()

    def _feed(self, row: Recording) -> None:
        assert self._process.stdin is not None
        try:
            with suppress(OSError), self._process.stdin as pipe:
                for picture in paced(row):
                    pipe.write(picture)
                pipe.flush()
                self._is_whole = True
        except (PlatformError, Error, PoolTimeout) as error:
            logger.warning("video of recording %s is cut short: %s", row.pk, error)
            self._process.kill()
        finally:
            release_connections()


def paced(row: Recording) -> Iterator[bytes]:
    """Each frame as often as it takes for it to be seen as long as it was, at `max_fps` a second."""
    step_ms, shown, held = 1000 / row.max_fps, 0, b""
    for part in reading.every_part(row):
        frames = reading.frames_of(part) if part.index else b""
        for at_ms, offset, length in reading.index_of(part):
            while held and shown * step_ms < at_ms:
                shown += 1
                yield held
            held = frames[offset : offset + length]
    shown_ms = max(row.duration_ms or 0, shown * step_ms + 1)
    while held and shown * step_ms < shown_ms:
        shown += 1
        yield held


def _command(program: str, fps: int, size: tuple[int, int]) -> list[str]:
    width, height = size
    fit = f"scale={width}:{height}:force_original_aspect_ratio=decrease,pad={width}:{height}:-1:-1,format=yuv420p"
    return [
        *(_LIMITS if shutil.which(_LIMITS[0]) else ()),
        *(program, "-nostdin", "-loglevel", "error", "-protocol_whitelist", "pipe"),
        *("-f", "image2pipe", "-c:v", "mjpeg", "-framerate", str(fps), "-i", "pipe:0"),
        *(
            "-vf",
            fit,
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-crf",
            "26",
            "-threads",
            "2",
            "-g",
            str(10 * fps),
            "-an",
        ),
        *("-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "pipe:1"),
    ]


_SIZED = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def _size(jpeg: bytes) -> tuple[int, int]:
    """Width and height as its head tells, made even, which H.264 wants.

    Raises:
        Conflict: it is no JPEG that could be shown.
    """
    at = 2
    while at + 9 < len(jpeg) and jpeg[at] == 0xFF:
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] in _SIZED:
            height, width = (int.from_bytes(jpeg[at + offset : at + offset + 2], "big") for offset in (5, 7))
            if 0 < width <= 8192 and 0 < height <= 8192:
                return width + width % 2, height + height % 2
            break
        at += 2 + length
    raise Conflict("The recording's pictures cannot be shown as a video.", code="BAD_PICTURES")
