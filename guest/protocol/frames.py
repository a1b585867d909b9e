"""One message between guest, gateway and hub: a JSON header and, behind it, raw bytes."""

from __future__ import annotations

from typing import Any

import msgspec

MAX_FRAME_BYTES = 64 * 1024 * 1024
_PREFIX_BYTES = 4

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict[str, Any])


class BadFrame(ValueError):
    """The bytes are no frame: too short, too long, or the header is no JSON object."""


def encode(header: dict[str, Any], blob: bytes | memoryview = b"") -> bytes:
    """`header` and `blob` as one frame: 4 bytes header length (big endian), header as JSON, blob to the end."""
    head = _encoder.encode(header)
    return b"".join((len(head).to_bytes(_PREFIX_BYTES, "big"), head, blob))


def decode(frame: bytes | memoryview) -> tuple[dict[str, Any], memoryview]:
    """A frame's header and blob; the blob is a view into `frame`, not a copy.

    Raises:
        BadFrame: whatever is wrong with bytes that a hostile peer may have made.
    """
    view = memoryview(frame)
    if not _PREFIX_BYTES <= len(view) <= MAX_FRAME_BYTES:
        raise BadFrame(f"a frame has {_PREFIX_BYTES} to {MAX_FRAME_BYTES} bytes, this one {len(view)}")
    end = _PREFIX_BYTES + int.from_bytes(view[:_PREFIX_BYTES], "big")
    if end > len(view):
        raise BadFrame("the header is longer than its frame")
    try:
        return _decoder.decode(view[_PREFIX_BYTES:end]), view[end:]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadFrame(f"the header is no JSON object: {error}") from error
