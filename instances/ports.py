"""What the composition root plugs in: the one way to guests. (Providers have their registry.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from common.tokens import Bearer
from guest.protocol.actions import AnyAction
from guest.protocol.browser_state import BrowserState
from guest.protocol.hello import Configure
from instances.guestlink import Answer, Driver, Presence


class GuestPath(Protocol):
    """The way to guests; `guestlink.GuestLink` is the real one, and the errors are its."""

    def act(self, incarnation: str, action: AnyAction, *, grace_s: float = 5.0) -> Answer: ...

    async def act_soon(self, incarnation: str, action: AnyAction, *, grace_s: float = 5.0) -> Answer: ...

    def configure(self, incarnation: str, configure: Configure) -> None: ...

    def read_browser(self, incarnation: str) -> BrowserState: ...

    def write_browser(self, incarnation: str, state: BrowserState) -> None: ...

    def presence(self, incarnation: str) -> Presence | None: ...

    def driver(self, incarnation: str) -> Driver | None: ...

    def drive(self, incarnation: str, viewer: str, *, force: bool) -> None: ...

    def give_back(self, incarnation: str, viewer: str) -> None: ...

    def bearers(self) -> Sequence[Bearer]: ...

    def end_bearers(self, gone: Sequence[Bearer]) -> None: ...

    def hang_up(self) -> None: ...

    def boot_ids(self, incarnations: Sequence[str]) -> Mapping[str, str]: ...


_plugged: dict[str, GuestPath] = {}


def install_guests(path: GuestPath) -> None:
    """Plug in the way to guests; the composition root does so once, a test for its own."""
    _plugged["guests"] = path


def guests() -> GuestPath:
    """The way to guests that was plugged in."""
    return _plugged["guests"]
