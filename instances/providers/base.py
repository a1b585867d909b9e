"""What a provider is: four methods, and optional parts. The core knows machines through this page only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


class Unreachable(Exception):
    """The provider did not answer, or not in a way that says what happened. Try again."""


class OutOfCapacity(Exception):
    """The provider has no room for the machine now. Try again later."""


class Refused(Exception):
    """The provider will never do this: a wrong spec, a missing right. Trying again is of no use.

    The text is shown to the tenant: no secrets, no paths of the host.
    """


@dataclass(frozen=True, slots=True)
class Spec:
    """What machine is wanted. `guest_token` is a secret: it may reach the guest only by a way nobody else reads.

    Where there is no such way (a cloud's user-data), the guest gets `bootstrap_token`, which is good once and soon.
    """

    flavour: str
    width: int = 1280
    height: int = 800
    memory_mib: int = 1024
    disk_mib: int = 2048
    guest_token: str = field(default="", repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    bootstrap_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Handle:
    """How a driver finds its machine again. Opaque to the core, which keeps it as JSON; `version` is the driver's."""

    version: int
    data: Mapping[str, Any]


class Power(StrEnum):
    """`RISING`: being made or booting. `UP`: runs. `RESTING`: stopped, can start again. `GONE`: does not exist."""

    RISING = "rising"
    UP = "up"
    RESTING = "resting"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a look at a machine showed. `reason` is a sentence for people where it is not as it should be."""

    power: Power
    reason: str = ""


class Provider(Protocol):
    """A driver. Stateless, thread-safe, quick to build; it does not wait for a machine to be ready, does not loop,
    writes no rows and reads no settings. Every method may be called twice, or again after a crash in its middle."""

    def create(self, spec: Spec, *, token: str) -> Handle:
        """Order the machine named `token` (`[a-z0-9-]{1,64}`). The same token again gives the same machine.

        Raises:
            Unreachable: unknown whether it was made; the caller asks again with the same token.
            OutOfCapacity: nothing was made.
            Refused: nothing was made, nor ever will be.
        """
        ...

    def inspect(self, handle: Handle) -> Sighting:
        """What the machine is doing. A missing machine is `GONE`, not an error.

        Raises:
            Unreachable: nothing can be said now.
        """
        ...

    def destroy(self, handle: Handle) -> None:
        """Have the machine and its disk removed; `inspect` says when it is `GONE`. Already gone is success.

        Raises:
            Unreachable: unknown whether it was heard; call again.
        """
        ...

    def list_ours(self) -> Iterator[tuple[str, Handle]]:
        """Every machine of this deployment, as (token, handle), half-made ones included.

        Raises:
            Unreachable: the list is not whole; nothing may be concluded from it.
        """
        ...


@runtime_checkable
class SeesLate(Protocol):
    """A driver whose cloud may not show yet what was made just now. For so many seconds after a machine was asked for
    the core takes neither `GONE` nor a list without it for a proof that there is none."""

    @property
    def blind_for_s(self) -> float: ...


@runtime_checkable
class CanFreeze(Protocol):
    """A driver whose machines can be held still in the middle of what they do, memory and all, and let go again.

    A frozen machine is `UP` to `inspect`; it can be stopped and destroyed like any other.
    """

    def freeze(self, handle: Handle) -> bool:
        """Hold the machine still; already frozen is success. False: this one cannot be, and nothing has changed.

        Raises `Unreachable` where the machine is not up, or it is unknown whether it was heard.
        """
        ...

    def thaw(self, handle: Handle) -> None:
        """Let it go on; one that is not frozen, or gone, is success. Raises `Unreachable`."""
        ...


@runtime_checkable
class LooksAfter(Protocol):
    """A driver whose machines end by themselves when nobody has looked after them for long."""

    def look_after(self, handles: Iterable[Handle]) -> None:
        """Say to these machines that their owner is there. Cheap, and called for all of them twice a minute."""
        ...


@runtime_checkable
class CanRest(Protocol):
    """A driver whose machines can be stopped, keeping their disk, and started again."""

    def stop(self, handle: Handle) -> None:
        """Have the machine shut down; `inspect` says when it is `RESTING`. Raises `Unreachable`."""
        ...

    def start(self, handle: Handle) -> None:
        """Have a resting machine boot; already up is success. Raises `Unreachable`, `OutOfCapacity`, `Refused`."""
        ...
