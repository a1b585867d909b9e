"""`make down` and `make reset`: end all machines and every process of this deployment; with --wipe forget its data."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from infra import deployment as deployments
from infra.embedded.paths import State
from infra.embedded.processes import Failed, end, started_ticks
from infra.progress import say, step
from infra.supervisor import end_leftovers


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 when nothing of the deployment runs any more."""
    options = _parser().parse_args(arguments)
    if not options.state_dir.exists():
        say(f"There is no deployment in {options.state_dir}.")
        return 0
    try:
        state = State.at(options.state_dir)
        _end_supervisor(state)
        with deployments.held(state):
            end_leftovers(state.processes)
            _end_machines(state, options.port, destroy=options.wipe)
            if options.wipe:
                with step(f"Forgetting {state.root}"):
                    state.wipe()
    except Failed as failure:
        say(f"\n{failure}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.down", description=__doc__)
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")), help=argparse.SUPPRESS)
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=Path(os.environ.get("STATE_DIR", ".local")),
        help="whose deployment (STATE_DIR, .local)",
    )
    parser.add_argument("--wipe", action="store_true", help="forget its data too")
    return parser


def _end_supervisor(state: State) -> None:
    """It rests the machines and stops what it started, which takes as long as its slowest child's grace."""
    try:
        with deployments.held(state):
            return
    except deployments.AlreadyRunning as supervisor:
        ticks = started_ticks(supervisor.pid)
        if ticks is not None:
            with step("Stopping the platform"):
                # Killed past its time, it takes its children with it all the same: they get their signal by the kernel.
                end(supervisor.pid, ticks, grace_s=180)


def _end_machines(state: State, port: int, *, destroy: bool) -> None:
    """Those that rested stay as they are, whatever still runs ends; `destroy` takes their disks too."""
    if state.machines.exists():
        with step("Ending all machines"):
            flags = ["--destroy"] if destroy else []
            deployments.at(state, port=port).run("manage.py", "end_machines", *flags, timeout_s=120)


if __name__ == "__main__":
    sys.exit(main())
