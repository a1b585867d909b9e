"""Streams: further connections that a guest opens when it is asked, for bytes that are no calls and answers."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

STREAMS_SINCE = 2
"""The first protocol version whose guests open streams."""
MAX_CHUNK_BYTES = 64 * 1024
"""A message on a stream is a piece of its bytes, at most this long; where one ends means nothing."""

Target = Literal["rfb", "cdp", "frames"]


class OpenStream(Struct, frozen=True, kw_only=True):
    """The arguments of the verb `stream`: connect to `target` inside, dial `/guest/{incarnation}/stream/{stream_id}`
    with the guest's token, and carry bytes both ways until either side ends.

    `rfb` is the desktop's VNC server, `cdp` the browser's DevTools port. `frames` are pictures of the screen, each with
    its length before it (4 bytes, big endian), and nothing is read: `max_fps` and `quality` are for these alone.
    """

    stream_id: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{16,64}$")]
    target: Target
    max_fps: Annotated[int, Meta(ge=1, le=30)] = 5
    quality: Annotated[int, Meta(ge=1, le=100, description="Of the JPEGs.")] = 70
