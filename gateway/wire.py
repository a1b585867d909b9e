"""Frames as the gateway reads them: no further than it must. What a guest answers is passed on unread, as raw JSON."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from guest.protocol import PROTOCOL_VERSION
from guest.protocol.frames import MAX_FRAME_BYTES, BadFrame
from guest.protocol.hello import Hello
from guest.protocol.results import Failure

# Two shell streams of 1 MiB, every byte of them escaped as \u00xx, and a little.
MAX_HEADER_BYTES = 13 * 1024 * 1024
MAX_MESSAGE_CHARACTERS = 2_000
T = TypeVar("T")
_PREFIX_BYTES = 4
_PLAIN = re.compile(r"[A-Za-z0-9._+-]{1,64}")
_ACCEPTED = (PROTOCOL_VERSION, max(1, PROTOCOL_VERSION - 1))

GatewayCode = Literal["not_connected", "timeout", "disconnected", "busy", "driven"]
INCARNATION = re.compile(r"[a-z0-9-]{1,64}")
Nothing = Raw(b"null")


class Said(Struct, frozen=True):
    """What every frame of a guest may hold beside its blob."""

    kind: Literal["hello", "heartbeat", "answer"]
    id: Annotated[int, Meta(ge=-1, le=2**53)] = -1
    ok: bool = False
    result: Raw = Nothing
    error: Raw = Nothing


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """What the hub asks of a guest."""

    verb: Literal["act", "configure", "read_browser", "write_browser"]
    args: Raw


class Order(Struct, frozen=True):
    """What the gateway itself asks of a guest."""

    verb: Literal["stream"]
    args: Raw


class Call(Struct, frozen=True, tag_field="kind", tag="call"):
    """What the guest hears of it."""

    id: int
    verb: str
    args: Raw


class Done(Struct, frozen=True):
    """The reply to the hub where the guest did it."""

    result: Raw
    ok: bool = True


class Fault(Struct, frozen=True):
    code: str
    message: str


class Failed(Struct, frozen=True):
    """The reply to the hub where the guest, or the gateway in its stead, says no."""

    error: Fault
    ok: bool = False


Reply = Done | Failed

_said = msgspec.json.Decoder(Said)
_asked = msgspec.json.Decoder(Asked)
_hello = msgspec.json.Decoder(Hello)
_failure = msgspec.json.Decoder(Failure)
_encoder = msgspec.json.Encoder()


class BadHello(ValueError):
    """A hello that cannot be taken; the text says why."""


def read_said(frame: bytes) -> tuple[Said, memoryview]:
    """A guest's frame, without building an object from what it carries. Raises `BadFrame`."""
    head, blob = _split(frame)
    return _decoded(_said, head), blob


def read_asked(frame: bytes) -> tuple[Asked, memoryview]:
    """The hub's frame. Raises `BadFrame`."""
    head, blob = _split(frame)
    return _decoded(_asked, head), blob


def read_hello(frame: bytes) -> Hello:
    """The hello that a frame of kind `hello` says. Raises `BadFrame` or `BadHello`."""
    head, _ = _split(frame)
    hello: Hello = _decoded(_hello, head)
    if hello.protocol not in _ACCEPTED:
        raise BadHello(f"protocol {hello.protocol} is not spoken here, only {sorted(set(_ACCEPTED))}")
    if not all(_PLAIN.fullmatch(word) for word in (hello.boot_id, hello.flavour, hello.version)):
        raise BadHello("boot_id, flavour and version are 1 to 64 plain characters")
    if not (0 < hello.width <= 16_384 and 0 < hello.height <= 16_384):
        raise BadHello("width and height are 1 to 16384 pixels")
    return hello


def reply_of(said: Said) -> Reply:
    """A guest's answer as the hub shall read it. A guest can refuse only by the codes that are a guest's."""
    if said.ok:
        return Done(said.result)
    try:
        failure = _failure.decode(said.error)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return failed("failed", "the guest refused without a reason that can be read")
    return failed(failure.code, failure.message[:MAX_MESSAGE_CHARACTERS])


def failed(code: str, message: str) -> Failed:
    return Failed(Fault(code, message))


def head_of(header: Struct) -> bytes:
    """A frame without its blob, which may follow in a buffer of its own and need not be copied."""
    head = _encoder.encode(header)
    return len(head).to_bytes(_PREFIX_BYTES, "big") + head


def _split(frame: bytes) -> tuple[memoryview, memoryview]:
    view = memoryview(frame)
    if not _PREFIX_BYTES <= len(view) <= MAX_FRAME_BYTES:
        raise BadFrame(f"a frame has {_PREFIX_BYTES} to {MAX_FRAME_BYTES} bytes, this one {len(view)}")
    end = _PREFIX_BYTES + int.from_bytes(view[:_PREFIX_BYTES], "big")
    if end > min(len(view), MAX_HEADER_BYTES):
        raise BadFrame("the header is longer than its frame, or than any header may be")
    return view[_PREFIX_BYTES:end], view[end:]


def _decoded(decoder: msgspec.json.Decoder[T], head: memoryview) -> T:
    try:
        return decoder.decode(head)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadFrame(f"the header makes no sense: {error}") from error
