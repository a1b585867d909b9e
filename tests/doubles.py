"""One double for each seam: a provider and a way to guests that live in memory and do as a test tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock

from common.tokens import Bearer
from guest.protocol.actions import (
    AnyAction,
    Bash,
    CursorPosition,
    Edit,
    GetEnvironment,
    ListFiles,
    ReadFile,
    Screenshot,
    WriteFile,
    is_input,
)
from guest.protocol.browser_state import BrowserState
from guest.protocol.hello import Configure, Hello
from guest.protocol.results import Cursor, Entry, File, Image, Result, Shell
from instances.guestlink import Answer, Driver, GuestDriven, GuestUnreachable, Presence
from instances.providers.base import Handle, Power, Refused, Sighting, Spec


class FakeProvider:
    """Machines that are up as soon as they are asked for. `fail_next[method]` is raised once, before it acts."""

    def __init__(self) -> None:
        self.machines: dict[str, Power] = {}
        self.specs: dict[str, Spec] = {}
        self.frozen: set[str] = set()
        self.freezes = True  # False: a host that cannot
        self.calls: list[tuple[str, str]] = []
        self.fail_next: dict[str, list[Exception]] = {}
        self.after: dict[str, list[Exception]] = {}
        self._lock = Lock()

    def create(self, spec: Spec, *, token: str) -> Handle:
        with self._around("create", token):
            self.machines.setdefault(token, Power.UP)
            self.specs[token] = spec
        return Handle(1, {"token": token})

    def inspect(self, handle: Handle) -> Sighting:
        token = handle.data["token"]
        with self._around("inspect", token):
            return Sighting(self.machines.get(token, Power.GONE))

    def destroy(self, handle: Handle) -> None:
        token = handle.data["token"]
        with self._around("destroy", token):
            self.machines.pop(token, None)
            self.frozen.discard(token)

    def stop(self, handle: Handle) -> None:
        token = handle.data["token"]
        with self._around("stop", token):
            if token in self.machines:
                self.machines[token] = Power.RESTING
            self.frozen.discard(token)

    def start(self, handle: Handle) -> None:
        token = handle.data["token"]
        with self._around("start", token):
            if token not in self.machines:
                raise Refused("The machine does not exist.")
            self.machines[token] = Power.UP
            self.frozen.discard(token)  # what ended and starts is another process

    def freeze(self, handle: Handle) -> bool:
        token = handle.data["token"]
        with self._around("freeze", token):
            if self.freezes:
                self.frozen.add(token)
        return self.freezes

    def thaw(self, handle: Handle) -> None:
        token = handle.data["token"]
        with self._around("thaw", token):
            self.frozen.discard(token)

    def list_ours(self) -> Iterator[tuple[str, Handle]]:
        with self._around("list_ours", ""):
            found = list(self.machines)
        return ((token, Handle(1, {"token": token})) for token in found)

    def called(self, method: str) -> int:
        return sum(name == method for name, _ in self.calls)

    def _around(self, method: str, token: str) -> _Around:
        return _Around(self, method, token)


class _Around:
    """Counts a call, and raises what the test planned before or after it acted."""

    def __init__(self, provider: FakeProvider, method: str, token: str) -> None:
        self.provider, self.method, self.token = provider, method, token

    def __enter__(self) -> None:
        self.provider._lock.acquire()
        self.provider.calls.append((self.method, self.token))
        if planned := self.provider.fail_next.get(self.method):
            self.provider._lock.release()
            raise planned.pop(0)

    def __exit__(self, *_: object) -> None:
        self.provider._lock.release()
        if planned := self.provider.after.get(self.method):
            raise planned.pop(0)


class FakeGuests:
    """Guests that are present once `arrive` was called for their machine; every action is written down."""

    def __init__(self) -> None:
        self.present: dict[str, str] = {}
        self.environments: dict[str, dict[str, str]] = {}
        self.acted: list[tuple[str, AnyAction]] = []
        self.fail_next: list[Exception] = []
        self.held: list[Bearer] = []
        self.drivers: dict[str, Driver] = {}
        self.browsers: dict[str, BrowserState] = {}
        self.fail_after = 0  # so many calls that go well before the first of `fail_next`

    def arrive(self, machine: str, *, boot_id: str = "boot-1") -> None:
        self.present[machine] = boot_id

    def leave(self, machine: str) -> None:
        self.present.pop(machine, None)

    def presence(self, incarnation: str) -> Presence | None:
        boot_id = self.present.get(incarnation)
        if boot_id is None:
            return None
        hello = Hello(protocol=1, boot_id=boot_id, flavour="ubuntu", width=1280, height=800)
        return Presence(boot_id=boot_id, hello=hello, at=datetime.now(UTC))

    def boot_ids(self, incarnations: Sequence[str]) -> Mapping[str, str]:
        return {name: self.present[name] for name in incarnations if name in self.present}

    def hang_up(self) -> None:
        """Nobody waits here."""

    def bearers(self) -> Sequence[Bearer]:
        return list(self.held)

    def end_bearers(self, gone: Sequence[Bearer]) -> None:
        self.held = [bearer for bearer in self.held if bearer not in gone]

    def configure(self, incarnation: str, configure: Configure) -> None:
        self._check(incarnation)
        self.environments[incarnation] = configure.environment

    def driver(self, incarnation: str) -> Driver | None:
        self._check(incarnation)
        return self.drivers.get(incarnation)

    def drive(self, incarnation: str, viewer: str, *, force: bool) -> None:
        self._check(incarnation)
        if incarnation in self.drivers and not force:
            raise GuestDriven(self.drivers[incarnation].label)
        self.drivers[incarnation] = Driver(label=viewer, since=datetime.now(UTC))

    def give_back(self, incarnation: str, viewer: str) -> None:
        self._check(incarnation)
        self.drivers.pop(incarnation, None)

    def read_browser(self, incarnation: str) -> BrowserState:
        self._check(incarnation)
        return self.browsers.get(incarnation, BrowserState())

    def write_browser(self, incarnation: str, state: BrowserState) -> None:
        self._check(incarnation)
        self.browsers[incarnation] = state

    def act(self, incarnation: str, action: AnyAction, *, grace_s: float = 5.0) -> Answer:
        self._check(incarnation)
        if incarnation in self.drivers and is_input(action):
            raise GuestDriven(self.drivers[incarnation].label)
        self.acted.append((incarnation, action))
        return Answer(result=_result(action), blob=_blob(action), took_ms=1.0)

    async def act_soon(self, incarnation: str, action: AnyAction, *, grace_s: float = 5.0) -> Answer:
        return self.act(incarnation, action, grace_s=grace_s)

    def _check(self, incarnation: str) -> None:
        if self.fail_next and self.fail_after == 0:
            raise self.fail_next.pop(0)
        self.fail_after = max(0, self.fail_after - 1)
        if incarnation not in self.present:
            raise GuestUnreachable("not connected")


def _blob(action: AnyAction) -> bytes:
    return {Screenshot: b"picture", ReadFile: b"content"}.get(type(action), b"")


def _result(action: AnyAction) -> Result:
    match action:
        case Bash():
            return Result(shell=Shell(stdout="out", stderr="", exit_code=0))
        case CursorPosition():
            return Result(cursor=Cursor(x=1, y=2))
        case Screenshot():
            return Result(image=Image(format=action.format, width=1280, height=800))
        case Edit():
            return Result(text="done")
        case ReadFile():
            return Result(file=File(path=action.path, size=7, offset=action.offset))
        case WriteFile():
            return Result(file=File(path=action.path, size=len(action.data or b"")))
        case ListFiles():
            return Result(entries=[Entry(name="a", kind="file", size=1)])
        case GetEnvironment():
            return Result(environment={"A": "secret"})
        case _:
            return Result()
