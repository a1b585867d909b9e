"""The hub's way to its guests, and the only one: asks them through the gateway that holds their connection."""

from instances.guestlink.errors import (
    GuestBusy,
    GuestDriven,
    GuestError,
    GuestInterrupted,
    GuestRefused,
    GuestTimedOut,
    GuestUnreachable,
)
from instances.guestlink.link import GuestLink
from instances.guestlink.words import Answer, Driver, Presence

__all__ = [
    "Answer",
    "Driver",
    "GuestBusy",
    "GuestDriven",
    "GuestError",
    "GuestInterrupted",
    "GuestLink",
    "GuestRefused",
    "GuestTimedOut",
    "GuestUnreachable",
    "Presence",
]
