"""`python -m bench.pool`: POST to `running` from a warm pool, against the same template cold, in turns."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.measure import alternate, load, verdict
from bench.platform import Platform, platform

GOAL_MS = 300
_FILLED_WITHIN_S = 120.0


def main(arguments: list[str] | None = None) -> int:
    """Print the medians and their ratio; 0 when it was measured, whatever came out."""
    parser = argparse.ArgumentParser(prog="python -m bench.pool", description=__doc__)
    parser.add_argument("--credentials", type=Path, metavar="FILE", help="of a platform that runs already")
    parser.add_argument("--flavour", default="browser")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    print(load(), flush=True)
    with platform(options.credentials) as running:
        _run(running, options.flavour, rounds=options.rounds)
    print(load())
    return 0


def _run(running: Platform, flavour: str, *, rounds: int) -> None:
    spec = {"name": f"bench pool {time.time_ns()}", "instance_type": flavour, "pool_size": 2}
    template = json.loads(running.call("POST", "/api/templates", spec))
    try:
        ways = (lambda: _start(running, template, warm=True), lambda: _start(running, template, warm=False))
        warm, cold = alternate(ways, rounds=rounds, within_s=600.0)
    finally:
        running.call("DELETE", f"/api/templates/{template['id']}")
    print(f"pool.{flavour}   ({len(warm.took_ms)} rounds)")
    print(f"  warm  {warm.median:7.0f} ms   least {warm.least:.0f}   {verdict(warm.median, GOAL_MS)}")
    print(f"  cold  {cold.median:7.0f} ms   least {cold.least:.0f}")
    print(f"  ratio {warm.median / cold.median:7.3f}\n", flush=True)


def _start(running: Platform, template: dict[str, Any], *, warm: bool) -> float:
    """Milliseconds from the request to the answer that it runs. Cold: with a wish that no member has."""
    _await_filled(running, template["id"])
    wanted = {"name": "bench", "template": template["id"], **({} if warm else {"startup_script": "true"})}
    begun = time.perf_counter()
    instance = json.loads(running.call("POST", "/api/instances", wanted))
    try:
        if instance["status"] != "running":
            running.await_status(instance["id"], "running")
        return (time.perf_counter() - begun) * 1000
    finally:
        running.delete(instance["id"])


def _await_filled(running: Platform, template_id: str) -> None:
    """Both ways wait for a full pool, so that neither shares the machine with members on their way up."""
    deadline = time.monotonic() + _FILLED_WITHIN_S
    while (shown := json.loads(running.call("GET", f"/api/templates/{template_id}")))["pool_ready"] < shown[
        "pool_size"
    ]:
        if time.monotonic() > deadline:
            raise SystemExit(f"the pool was not filled: {shown['pool_reason']}")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
