"""What the simulated cloud does wrong: each a habit of some real one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lies:
    """Chances are from 0 to 1, of each call or each machine; times in seconds. The default is an honest, instant cloud.

    `unreachable`: a call fails before it did anything. `lost_answers`: it does what was asked, and then fails.
    `no_room`: `create` or `start` finds no capacity. `cut_lists`: a list breaks off in its middle, as `Unreachable`.
    `unseen_s`: for so long a new machine is shown by nothing, and destroying it is said to be done and is not.
    `stuck`: a machine stays `RISING` for ever. `life_s`: machines end by themselves, after so long on average.
    `boot_s`, `end_s`: how long a machine takes to be up, and to be gone. `takes_s`: how long each call takes.
    """

    unreachable: float = 0.0
    lost_answers: float = 0.0
    no_room: float = 0.0
    cut_lists: float = 0.0
    unseen_s: float = 0.0
    stuck: float = 0.0
    life_s: float = 0.0
    boot_s: float = 0.0
    end_s: float = 0.0
    takes_s: float = 0.0


HONEST = Lies()
