"""What an operator offers of each flavour at EC2: image, sizes, network. Read from the provider's settings entry."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from instances.providers.base import Refused


@dataclass(frozen=True, slots=True)
class Offer:
    """`sizes` maps an EC2 instance type to the memory it gives, in MiB; `install` is what pip installs at first boot,
    empty where the image has the guest already. A machine's disk is never smaller than `disk_gib`; `root_device` is
    what the image calls it."""

    image: str
    sizes: Mapping[str, int]
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    key_name: str = ""
    spot: bool = False
    root_device: str = "/dev/xvda"
    disk_gib: int = 20
    install: str = ""

    def size_for(self, memory_mib: int) -> str:
        """The smallest instance type that has the memory.

        Raises:
            Refused: none has so much.
        """
        enough = [(has, name) for name, has in self.sizes.items() if has >= memory_mib]
        if not enough:
            raise Refused(f"no machine here has {memory_mib} MiB of memory; the largest has {max(self.sizes.values())}")
        return min(enough)[1]

    def subnet_for(self, token: str) -> str:
        """Always the same one for a token: an order that is repeated must not go to another subnet."""
        if not self.subnets:
            return ""
        number = int.from_bytes(hashlib.sha256(token.encode()).digest()[:4])
        return self.subnets[number % len(self.subnets)]

    def disk_for(self, disk_mib: int) -> int:
        """In GiB."""
        return max(self.disk_gib, -(-disk_mib // 1024))


_ROOT_OF_WINDOWS = {"root_device": "/dev/sda1"}
_NAMES = {each.name for each in fields(Offer)}


def read(flavours: Mapping[str, Mapping[str, Any]], shared: Mapping[str, Any]) -> dict[str, Offer]:
    """Each flavour's offer; what it does not say itself is taken from `shared`.

    Raises:
        Refused: the entry is wrong; the text says where.
    """
    usual = {"windows": _ROOT_OF_WINDOWS}
    return {name: _offer(name, {**usual.get(name, {}), **shared, **own}) for name, own in flavours.items()}


def _offer(name: str, said: Mapping[str, Any]) -> Offer:
    if unknown := said.keys() - _NAMES:
        raise Refused(f"flavour {name!r} is configured with what nobody knows: {', '.join(sorted(unknown))}")
    if not said.get("image") or not said.get("sizes"):
        raise Refused(f"flavour {name!r} is configured without an image or without sizes")
    if not isinstance(said["sizes"], Mapping) or not all(isinstance(has, int) for has in said["sizes"].values()):
        raise Refused(f"the sizes of flavour {name!r} are no table of instance types and their memory in MiB")
    lists = {key: tuple(said[key]) for key in ("subnets", "security_groups") if key in said}
    return Offer(**{**said, **lists})
