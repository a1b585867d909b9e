"""Pictures from the screen's pixels: PNG without loss and quickly, JPEG where size matters."""

from __future__ import annotations

import struct

import numpy as np
import simplejpeg
from isal import isal_zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGBA = 6
_FILTER_UP = 2
_COLOUR = np.uint32(0x00FF_FFFF)
# A block and what is made of it stay in the processor's cache, so the passes over it cost next to nothing.
_BLOCK_BYTES = 256 * 1024


def png(pixels: memoryview, width: int, height: int) -> bytes:
    """`pixels`, rows of BGRX, as an opaque RGBA picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, _RGBA, 0, 0, 0)
    content = isal_zlib.compress(_filtered(pixels, width, height), 1)
    return b"".join((_SIGNATURE, *_chunk(b"IHDR", header), *_chunk(b"IDAT", content), *_chunk(b"IEND", b"")))


def jpeg(pixels: memoryview, width: int, height: int, quality: int) -> bytes:
    """`pixels`, rows of BGRX, as a JPEG."""
    picture = np.frombuffer(pixels, np.uint8).reshape(height, width, 4)
    encoded: bytes = simplejpeg.encode_jpeg(
        picture, quality=quality, colorspace="BGRX", colorsubsampling="420", fastdct=True
    )
    return encoded


def _filtered(pixels: memoryview, width: int, height: int) -> np.ndarray:
    """The rows as PNG wants them: RGBA, each but the first as the difference to the row above.

    Swapping the bytes of a BGRX word gives XRGB; read from one byte on, that is RGB and the next pixel's X. X is
    cleared first, so that below the first row each alpha differs from the one above by nothing; the first row's is 255.
    """
    words = np.frombuffer(pixels, np.uint32).reshape(height, width)
    out = np.empty((height, 1 + width * 4), np.uint8)
    rows = max(1, _BLOCK_BYTES // (width * 4))
    # One row more than the block, for the row above; one word more, for the alpha of the very last pixel.
    room = np.zeros((rows + 1) * width + 1, np.uint32)
    swapped, shifted = room[:-1].reshape(rows + 1, width), room.view(np.uint8)[1:-3].reshape(rows + 1, width * 4)
    for start in range(0, height, rows):
        count = min(rows, height - start)
        block = swapped[1 : count + 1]
        np.bitwise_and(words[start : start + count], _COLOUR, out=block)
        block.byteswap(inplace=True)
        np.subtract(shifted[1 : count + 1], shifted[:count], out=out[start : start + count, 1:])
        swapped[0] = block[-1]
    out[:, 0] = _FILTER_UP
    out[0, 0] = 0
    # Above the first row lay zeros, so what stands there is the row itself.
    out[0, 4::4] = 255
    return out


def _chunk(kind: bytes, content: bytes) -> tuple[bytes, ...]:
    check = isal_zlib.crc32(content, isal_zlib.crc32(kind))
    return struct.pack(">I", len(content)), kind, content, struct.pack(">I", check)
