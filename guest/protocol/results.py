"""What a guest answers to an action. A picture's bytes travel behind the header, as the frame's blob."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Cursor(Struct, frozen=True, kw_only=True):
    x: int
    y: int


class Image(Struct, frozen=True, kw_only=True):
    format: Literal["png", "jpeg"]
    width: int
    height: int


class Shell(Struct, frozen=True, kw_only=True):
    """`exit_code` is None when the command was ended at its timeout; each stream is cut at 1 MiB."""

    stdout: str
    stderr: str
    exit_code: int | None
    timed_out: bool = False
    truncated: bool = False


class Result(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the fields is set where the action has something to say; clicks and keys have nothing."""

    cursor: Cursor | None = None
    image: Image | None = None
    shell: Shell | None = None


class Failure(Struct, frozen=True, kw_only=True):
    """`bad_action`: asked wrongly. `unsupported`: this desktop cannot. `failed`: it tried."""

    code: Literal["bad_action", "unsupported", "failed"]
    message: str
