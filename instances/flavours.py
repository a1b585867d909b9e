"""The three kinds of machine, with what each needs by default. Nothing else knows their names by heart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flavour:
    """`ready_within_s`: from the provider's yes to a guest that answers; past it the start has failed."""

    name: str
    label: str
    shell: str
    memory_mib: int
    ready_within_s: float


FLAVOURS: dict[str, Flavour] = {
    flavour.name: flavour
    for flavour in (
        Flavour("ubuntu", "Linux desktop", shell="bash", memory_mib=1024, ready_within_s=60),
        Flavour("browser", "Web browser", shell="bash", memory_mib=2048, ready_within_s=90),
        Flavour("windows", "Windows desktop", shell="cmd", memory_mib=2048, ready_within_s=120),
    )
}
DEFAULT_FLAVOUR = "browser"
