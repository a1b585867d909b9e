"""What a guest says of itself when it is ready for work, and after."""

from __future__ import annotations

from msgspec import Struct


class Hello(Struct, frozen=True, kw_only=True):
    """The first frame on a control connection; sent when the desktop is ready, not before.

    `boot_id` is random per start of the guest program: the hub tells a new start from an old one by it.
    """

    protocol: int
    boot_id: str
    flavour: str
    width: int
    height: int
    version: str = "0"


class Configure(Struct, frozen=True, kw_only=True):
    """The hub's first words to a ready guest: what its shells find in their environment."""

    environment: dict[str, str] = {}
