"""A browser's logins: cookies and local storage, as the guest reads and writes them. The same JSON as Playwright's
storage state."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

STATE_BYTES = 1024 * 1024
"""Of a state as JSON."""
COOKIES = 3_000
ORIGINS = 200
_Origin = Annotated[str, Meta(pattern=r"\Ahttps?://[^\x00-\x20/?#]{1,300}\Z")]
_Domain = Annotated[str, Meta(pattern=r"\A[^\x00-\x20/?#]{1,300}\Z")]
_Name = Annotated[str, Meta(max_length=4_096)]


class Cookie(Struct, frozen=True, kw_only=True, rename={"http_only": "httpOnly", "same_site": "sameSite"}):
    """`expires` is in seconds since 1970, or -1: it goes when the browser ends."""

    name: _Name
    value: Annotated[str, Meta(max_length=16_384)]
    domain: _Domain
    path: Annotated[str, Meta(max_length=4_096)] = "/"
    expires: float = -1
    http_only: bool = False
    secure: bool = False
    same_site: Literal["Strict", "Lax", "None"] = "Lax"


class Item(Struct, frozen=True, kw_only=True):
    name: Annotated[str, Meta(max_length=64 * 1024)]
    value: str


class Origin(Struct, frozen=True, kw_only=True, rename={"local_storage": "localStorage"}):
    """One origin's local storage."""

    origin: _Origin
    local_storage: list[Item] = []


class BrowserState(Struct, frozen=True, kw_only=True):
    """What a browser holds that lets sites know it again."""

    cookies: Annotated[list[Cookie], Meta(max_length=COOKIES)] = []
    origins: Annotated[list[Origin], Meta(max_length=ORIGINS)] = []


class BadState(ValueError):
    """It is no such state; the text says which place is wrong, and never what stands there."""


def parse(value: Any) -> BrowserState:
    """A state from a decoded JSON value. Raises `BadState`."""
    try:
        state: BrowserState = msgspec.convert(value, BrowserState)
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadState(_place_of(error)) from None
    if len(msgspec.json.encode(state)) > STATE_BYTES:
        raise BadState(f"it has more than {STATE_BYTES} bytes")
    return state


def _place_of(error: Exception) -> str:
    """Where it is wrong. What msgspec says of a wrong word repeats the word, and that may be a secret."""
    _, _, place = str(error).rpartition(" - at ")
    return f"not as it should be at {place}" if place.startswith("`$") else "not as it should be"
