"""A worker that is killed, for real, in the middle of a step: `python -m tests.instances.faults.victim`.

Reads orders as JSON lines, `{"instance": id, "number": n, "side": "before", "now": moment}`, takes each one's step in a
fork of its own, which SIGKILLs itself at its n-th call, and answers whether it did: `killed` or `ended`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import datetime
from typing import Any
from uuid import UUID

import django
import pytest

django.setup()

from common import clock  # noqa: E402 - needs Django set up
from instances import ports, reconcile  # noqa: E402 - needs Django set up
from instances.providers import registry  # noqa: E402
from tests.instances.faults.seams import Fault, Killed, Seams  # noqa: E402


class Deadly(Seams):
    """Seams at which a process ends as by `kill -9`."""

    def _strike(self, number: int, side: str) -> None:
        if self.armed is not None and (self.armed.number, self.armed.side) == (number, side):
            os.kill(os.getpid(), signal.SIGKILL)


def _step(order: dict[str, Any]) -> None:
    ahead = datetime.fromisoformat(order["now"]) - clock.now()
    real = clock.now
    clock.now = lambda: real() + ahead
    seams = Deadly(pytest.MonkeyPatch(), registry.provider("simulated"), ports.guests())
    seams.armed = Fault(order["number"], "", order["side"], Killed)
    reconcile.step(UUID(order["instance"]))


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _step(json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        sys.stdout.write("killed\n" if killed else "ended\n" if status == 0 else f"failed {status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
