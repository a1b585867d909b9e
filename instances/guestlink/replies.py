"""What the gateway says, read: typed, so that JSON a guest wrote becomes the objects we expect or none at all."""

from __future__ import annotations

from datetime import datetime
from typing import cast

import msgspec
from msgspec import Struct

from common.tokens import Bearer
from guest.protocol.actions import FILE_BYTES
from guest.protocol.hello import Hello
from guest.protocol.results import Entry, Result, Shell
from instances.guestlink.errors import (
    GuestBusy,
    GuestDriven,
    GuestError,
    GuestRefused,
    GuestTimedOut,
    GuestUnreachable,
)
from instances.guestlink.words import Driver, Presence

LONG_HEADER_BYTES = 1024 * 1024
PICTURE_BYTES = 32 * 1024 * 1024
_PREFIX_BYTES = 4


class _Shown(Struct, frozen=True):
    """What the gateway says of a guest when it is asked."""

    hello: Hello
    since: datetime


class _Error(Struct, frozen=True):
    code: str
    message: str


class _Reply(Struct, frozen=True):
    ok: bool
    result: Result | None = None
    error: _Error = _Error("failed", "the guest gave no reason")


class _LongResult(Struct, frozen=True):
    """What may rightly be long. Variables are not: a hundred thousand would hold the loop for a tenth of a second."""

    shell: Shell | None = None
    text: str | None = None
    entries: list[Entry] | None = None


class _LongReply(Struct, frozen=True):
    ok: bool
    result: _LongResult = _LongResult()
    error: _Error = _Error("failed", "the guest gave no reason")


class _Driving(Struct, frozen=True):
    driver: Driver | None = None


class _Bearers(Struct, frozen=True):
    bearers: list[Bearer]


class _Refusal(Struct, frozen=True):
    error: _Error


_driving = msgspec.json.Decoder(_Driving)
_bearers = msgspec.json.Decoder(_Bearers)
_refusal = msgspec.json.Decoder(_Refusal)
_shown = msgspec.json.Decoder(_Shown)
_reply = msgspec.json.Decoder(_Reply)
_long_reply = msgspec.json.Decoder(_LongReply)


def called(status: int, data: bytes | memoryview) -> tuple[Result, bytes]:
    """What a call came to. Raises `GuestError`, as `result_in`."""
    if status >= 500:
        raise GuestUnreachable(f"the gateway failed with status {status}", was_sent=True)
    if status >= 400:
        raise GuestRefused("bad_action", f"the gateway did not take the call (status {status})")
    return result_in(data)


def result_in(data: bytes | memoryview) -> tuple[Result, bytes]:
    """A guest's result and the blob behind it.

    Raises:
        GuestError: the guest or the gateway said no, in the class that says what has happened then.
    """
    end = _PREFIX_BYTES + int.from_bytes(data[:_PREFIX_BYTES], "big")
    try:
        reply = _read(memoryview(data)[_PREFIX_BYTES:end])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise GuestRefused("failed", "the guest's answer cannot be understood") from error
    if not reply.ok:
        raise _raised(reply.error)
    result, blob = reply.result or Result(), data[end:]
    if len(blob) > (FILE_BYTES if result.file else PICTURE_BYTES):
        raise GuestRefused("failed", "the guest's answer is longer than any may be")
    # A picture is but sent and encoded, which takes any buffer, whatever the types say; a file's text is read.
    return result, cast(bytes, blob) if result.image and not result.file else bytes(blob)


def _read(header: memoryview) -> _Reply:
    if len(header) <= LONG_HEADER_BYTES:
        return _reply.decode(header)
    reply: _LongReply = _long_reply.decode(header)
    said = reply.result
    if said == _LongResult() and reply.ok:
        raise GuestRefused("failed", "the guest's answer is longer than any may be")
    return _Reply(reply.ok, Result(shell=said.shell, text=said.text, entries=said.entries), reply.error)


def presence_in(status: int, data: bytes) -> Presence | None:
    """Who the gateway says is connected, or None. Raises `GuestUnreachable` where it cannot be understood."""
    if status == 404:
        return None
    try:
        shown: _Shown = _shown.decode(data)
    except msgspec.MsgspecError as error:
        raise GuestUnreachable(f"the gateway cannot be understood (status {status})") from error
    return Presence(shown.hello.boot_id, shown.hello, shown.since)


def driver_in(status: int, data: bytes) -> Driver | None:
    """Who drives. Raises `GuestDriven` where another one does, `GuestUnreachable` where the viewer is not there."""
    if status == 409:
        raise GuestDriven(_refusal.decode(data).error.message)
    if status != 200:
        raise GuestUnreachable("this page is not connected to the machine just now")
    return _driving.decode(data).driver


def bearers_in(status: int, data: bytes) -> list[Bearer]:
    """Who holds streams. Raises `GuestUnreachable` where the gateway cannot be understood."""
    try:
        said: _Bearers = _bearers.decode(data)
    except msgspec.MsgspecError as error:
        raise GuestUnreachable(f"the gateway cannot be understood (status {status})") from error
    return said.bearers


def _raised(error: _Error) -> GuestError:
    match error.code:
        case "not_connected":
            return GuestUnreachable(error.message)
        case "disconnected":
            return GuestUnreachable(error.message, was_sent=True)
        case "timeout":
            return GuestTimedOut(error.message)
        case "driven":
            return GuestDriven(error.message)
        case "busy":
            return GuestBusy(error.message)
        case _:
            return GuestRefused(error.code, error.message)
