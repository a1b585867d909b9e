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


class File(Struct, frozen=True, kw_only=True):
    """`size` is the whole file's; the bytes from `offset` on travel as the frame's blob."""

    path: str
    size: int
    offset: int = 0


class Entry(Struct, frozen=True, kw_only=True):
    """One of a folder. `kind` is `other` for what is neither: a socket, a link that leads nowhere."""

    name: str
    kind: Literal["file", "folder", "other"]
    size: int


class Result(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the fields is set where the action has something to say; clicks and keys have nothing."""

    cursor: Cursor | None = None
    image: Image | None = None
    shell: Shell | None = None
    text: str | None = None
    file: File | None = None
    entries: list[Entry] | None = None
    environment: dict[str, str] | None = None
    url: str | None = None


class Failure(Struct, frozen=True, kw_only=True):
    """`bad_action`: asked wrongly. `unsupported`: this desktop cannot. `failed`: it tried."""

    code: Literal["bad_action", "unsupported", "failed"]
    message: str
