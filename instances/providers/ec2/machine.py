"""A machine as EC2 describes it, and the tags by which it is ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from instances.providers.base import Handle, Power, Sighting

DEPLOYMENT = "orchestrator:deployment"
TOKEN = "orchestrator:token"  # noqa: S105 - a tag's name
VERSION = 1

ENDED, ENDING = "terminated", "shutting-down"
LISTED = ("pending", "running", "shutting-down", "stopping", "stopped")
_POWER = {
    "pending": Power.RISING,
    "running": Power.UP,
    "stopping": Power.UP,
    "stopped": Power.RESTING,
    ENDING: Power.UP,
    ENDED: Power.GONE,
}
_REASONS = {
    "Server.SpotInstanceTermination": "EC2 took the spot machine back.",
    "Server.SpotInstanceShutdown": "EC2 took the spot machine back.",
    "Server.InsufficientInstanceCapacity": "EC2 had no room for the machine after all.",
    "Server.InternalError": "The machine failed at EC2 while it was starting.",
    "Client.VolumeLimitExceeded": "The account's limit of disks at EC2 is reached.",
    "Client.InternalError": "The machine's disk could not be opened at EC2.",
    "Client.InvalidSnapshot.NotFound": "The image's disk is missing at EC2.",
    "Client.InstanceInitiatedShutdown": "The machine was shut down from inside.",
    "Client.UserInitiatedShutdown": "The machine was stopped or removed at EC2.",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """`why` is EC2's code for the last change of state that was not asked for by the guest."""

    id: str
    state: str
    launched_at: datetime
    tags: Mapping[str, str]
    why: str = ""
    is_spot: bool = False

    @property
    def lives(self) -> bool:
        """Whether it exists; a machine that is being removed still does."""
        return self.state != ENDED

    @property
    def can_serve(self) -> bool:
        return self.state not in (ENDED, ENDING)

    def belongs_to(self, deployment: str, token: str) -> bool:
        """Whether its tags say so. Tags that do not show yet say nothing against it."""
        return self.tags.get(DEPLOYMENT, deployment) == deployment and self.tags.get(TOKEN, token) == token

    def handle(self, token: str, region: str) -> Handle:
        """`launched_at` tells later whether EC2 may simply not show the machine yet, `region` whether it was asked for
        it in the wrong place."""
        launched_at = self.launched_at.astimezone(UTC).isoformat()
        return Handle(VERSION, {"token": token, "id": self.id, "launched_at": launched_at, "region": region})

    def sighting(self) -> Sighting:
        power = _POWER.get(self.state, Power.RISING)
        if power is Power.UP and self.state == "running":
            return Sighting(power)
        return Sighting(power, _REASONS.get(self.why, ""))


def read_all(pages: Iterable[Mapping[str, Any]]) -> list[Machine]:
    """The machines of DescribeInstances' pages, the oldest first."""
    machines = [_read(each) for page in pages for order in page["Reservations"] for each in order["Instances"]]
    return sorted(machines, key=lambda machine: (machine.launched_at, machine.id))


def read_order(order: Mapping[str, Any]) -> Machine:
    """The machine of RunInstances' answer."""
    return _read(order["Instances"][0])


def _read(said: Mapping[str, Any]) -> Machine:
    return Machine(
        id=said["InstanceId"],
        state=said["State"]["Name"],
        launched_at=said["LaunchTime"],
        tags={tag["Key"]: tag["Value"] for tag in said.get("Tags", ())},
        why=said.get("StateReason", {}).get("Code", ""),
        is_spot=said.get("InstanceLifecycle") == "spot",
    )
