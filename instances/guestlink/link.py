"""What is asked of guests: act, configure, who is there, who drives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
from redis.exceptions import RedisError

from common import tracing
from common.tokens import Bearer
from guest.protocol import browser_state, frames
from guest.protocol.actions import AnyAction, is_input, longest_s, to_builtins
from guest.protocol.browser_state import BadState, BrowserState
from guest.protocol.hello import Configure
from guest.protocol.results import Result
from instances.guestlink import replies
from instances.guestlink.errors import GuestRefused, GuestTimedOut, GuestUnreachable
from instances.guestlink.gateways import Gateways
from instances.guestlink.loops import LoopGateways
from instances.guestlink.presence import Whereabouts
from instances.guestlink.words import Answer, Driver, Presence

_CONFIGURE_WITHIN_S = 10.0
_BROWSER_WITHIN_S = 30.0
# The gateway keeps the deadline and says so; this much later it counts as stuck itself.
_GATEWAY_GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a guest, as its gateway is asked for it."""

    incarnation: str
    path: str
    body: bytes
    within_s: float

    @classmethod
    def of(
        cls, incarnation: str, verb: str, args: dict[str, Any], deadline_s: float, *, is_input: bool = False
    ) -> Self:
        path = f"/guests/{incarnation}/call?deadline_s={deadline_s:.3f}{'&input=1' if is_input else ''}"
        return cls(incarnation, path, frames.encode({"verb": verb, "args": args}), deadline_s + _GATEWAY_GRACE_S)

    @classmethod
    def to_act(cls, incarnation: str, action: AnyAction, grace_s: float) -> Self:
        deadline_s = longest_s(action) + grace_s
        return cls.of(incarnation, "act", to_builtins(action), deadline_s, is_input=is_input(action))


class GuestLink:
    """Thread-safe, and synchronous but for what ends in `_soon`; one for a process is enough. Connections are made when
    first needed and kept.

    It finds a guest's gateway in Redis and remembers it for a second. Where Redis cannot say, it asks the gateway of
    this host, `gateway_dir`'s. What was sent is never sent twice: an action is not idempotent.
    """

    def __init__(self, *, redis_url: str, gateway_dir: Path | None) -> None:
        self._nearest = f"unix:{gateway_dir.absolute() / 'internal.sock'}" if gateway_dir else None
        self._whereabouts = Whereabouts(redis_url=redis_url, nearest=self._nearest)
        self._gateways, self._loops = Gateways(), LoopGateways()

    def act(self, incarnation: str, action: AnyAction, *, grace_s: float = 5.0) -> Answer:
        """Have the guest do `action`; waits as long as the action may rightly take, and `grace_s`.

        Raises:
            GuestUnreachable, GuestTimedOut, GuestBusy, GuestRefused: see there what has happened then.
            GuestDriven: the action is input, and a person drives.
        """
        started = time.perf_counter()
        result, blob = self._call(Call.to_act(incarnation, action, grace_s))
        return Answer(result, blob, took_ms=(time.perf_counter() - started) * 1000)

    async def act_soon(self, incarnation: str, action: AnyAction, *, grace_s: float = 5.0) -> Answer:
        """`act` for an event loop, which may be any one."""
        started = time.perf_counter()
        result, blob = await self._call_soon(Call.to_act(incarnation, action, grace_s))
        return Answer(result, blob, took_ms=(time.perf_counter() - started) * 1000)

    def configure(self, incarnation: str, configure: Configure) -> None:
        """Tell the guest what its shells find in their environment. Twice is the same as once.

        Raises:
            GuestUnreachable, GuestTimedOut, GuestBusy, GuestRefused: as for `act`.
        """
        self._call(Call.of(incarnation, "configure", msgspec.to_builtins(configure), _CONFIGURE_WITHIN_S))

    def read_browser(self, incarnation: str) -> BrowserState:
        """What its browser holds of cookies and local storage. Raises as `act` does."""
        _, state = self._call(Call.of(incarnation, "read_browser", {}, _BROWSER_WITHIN_S))
        try:
            return browser_state.parse(msgspec.json.decode(state))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadState) as error:
            raise GuestRefused("failed", "the machine's browser state cannot be understood") from error

    def write_browser(self, incarnation: str, state: BrowserState) -> None:
        """Add a state to what its browser has. Twice is the same as once. Raises as `act` does."""
        self._call(Call.of(incarnation, "write_browser", msgspec.to_builtins(state), _BROWSER_WITHIN_S))

    def presence(self, incarnation: str) -> Presence | None:
        """The connected guest, or None where it is known that none is.

        Raises:
            GuestUnreachable: neither Redis nor the gateway can say; nothing may be concluded.
        """
        try:
            held = self._whereabouts.held(incarnation)
        except RedisError:
            return self._seen_by_gateway(incarnation)
        if held is not None:
            return Presence(held.hello.boot_id, held.hello, held.at)
        try:  # a Redis that was emptied knows of no guest until each has sent its next heartbeat
            return self._seen_by_gateway(incarnation)
        except GuestUnreachable:
            return None

    def boot_ids(self, incarnations: Sequence[str]) -> Mapping[str, str]:
        """The boot id of each of these guests that is connected, as far as Redis tells: one question for a thousand.

        A Redis that was emptied lately leaves guests out; ask for one's `presence` before anything is concluded.

        Raises:
            GuestUnreachable: Redis does not answer.
        """
        return self._whereabouts.boot_ids(incarnations)

    def driver(self, incarnation: str) -> Driver | None:
        """Who drives this machine's desktop by hand, or None. Raises `GuestUnreachable`."""
        return self._drive("GET", incarnation, None)

    def drive(self, incarnation: str, viewer: str, *, force: bool) -> None:
        """Let a connected viewer drive, and nobody else. Twice is the same as once.

        Raises:
            GuestDriven: another one drives, and it was not by force.
            GuestUnreachable: this viewer is not connected, or may only watch, or the gateway is away.
        """
        self._drive("POST", incarnation, {"viewer": viewer, "force": force})

    def give_back(self, incarnation: str, viewer: str) -> None:
        """This viewer drives no more. Raises `GuestUnreachable`."""
        self._drive("DELETE", incarnation, {"viewer": viewer})

    def bearers(self) -> list[Bearer]:
        """Who holds streams at the gateway of this host. Raises `GuestUnreachable`."""
        return replies.bearers_in(*self._ask_nearest("GET", None))

    def end_bearers(self, gone: Sequence[Bearer]) -> None:
        """End what these hold there, and let nobody else wait for an end any more. Raises `GuestUnreachable`."""
        status, _ = self._ask_nearest("PUT", msgspec.json.encode({"gone": gone}))
        if status != 200:
            raise GuestUnreachable(f"the gateway did not take it (status {status})")

    def hang_up(self) -> None:
        """Whoever waits in a thread for a guest is told `GuestInterrupted`, now and from now on: the process ends."""
        self._gateways.hang_up()

    def _ask_nearest(self, method: str, body: bytes | None) -> tuple[int, bytes]:
        if self._nearest is None:
            raise GuestUnreachable("no gateway of this host is known")
        try:
            return self._gateways.exchange(method, self._nearest, "/bearers", body, read_within_s=3.0)
        except GuestTimedOut as error:
            raise GuestUnreachable(str(error)) from error

    def _drive(self, method: str, incarnation: str, wish: dict[str, Any] | None) -> Driver | None:
        body = msgspec.json.encode(wish) if wish is not None else None
        address = self._whereabouts.address(incarnation)
        path = f"/guests/{incarnation}/driver"
        try:
            status, data = self._gateways.exchange(method, address, path, body, read_within_s=3.0)
        except GuestTimedOut as error:
            raise GuestUnreachable(str(error)) from error
        return replies.driver_in(status, data)

    def _call(self, call: Call) -> tuple[Result, bytes]:
        address = self._whereabouts.address(call.incarnation)
        try:
            return self._ask(address, call)
        except GuestUnreachable as error:
            elsewhere = self._elsewhere(call, address, error)
        return self._ask(elsewhere, call)

    def _ask(self, address: str, call: Call) -> tuple[Result, bytes]:
        with tracing.span("guest.call", kind="client"):
            return replies.called(
                *self._gateways.exchange("POST", address, call.path, call.body, read_within_s=call.within_s)
            )

    async def _call_soon(self, call: Call) -> tuple[Result, bytes]:
        address = await self._whereabouts.address_soon(call.incarnation)
        try:
            return await self._ask_soon(address, call)
        except GuestUnreachable as error:
            elsewhere = await asyncio.to_thread(self._elsewhere, call, address, error)
        return await self._ask_soon(elsewhere, call)

    async def _ask_soon(self, address: str, call: Call) -> tuple[Result, bytes]:
        return replies.called(
            *await self._loops.exchange("POST", address, call.path, call.body, read_within_s=call.within_s)
        )

    def _elsewhere(self, call: Call, address: str, error: GuestUnreachable) -> str:
        """Another gateway to ask, where the guest certainly has not heard it. Raises `error` where there is none."""
        self._whereabouts.forget(call.incarnation)
        if error.was_sent:
            raise error
        elsewhere = self._whereabouts.address(call.incarnation)
        if elsewhere == address:
            raise error
        return elsewhere

    def _seen_by_gateway(self, incarnation: str) -> Presence | None:
        if self._nearest is None:
            raise GuestUnreachable("Redis does not answer, and no gateway of this host is known")
        path = f"/guests/{incarnation}"
        status, data = self._gateways.exchange("GET", self._nearest, path, None, read_within_s=2.0)
        return replies.presence_in(status, data)
