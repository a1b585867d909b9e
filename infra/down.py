"""`make down` and `make reset`: end all machines and every process of this deployment; with --wipe forget its data."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from infra import deployment as deployments
from infra.deployment import Deployment
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
    state = State.at(options.state_dir)
    try:
        _end_all(state, options.port)
        if options.wipe:
            with step(f"Forgetting {state.root}"), deployments.held(state):
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


def _end_all(state: State, port: int) -> None:
    try:
        with deployments.held(state):
            _end_at_rest(state, port)
    except deployments.AlreadyRunning as supervisor:
        _end_running(deployments.running_in(state, port=port), supervisor.pid)


def _end_running(deployment: Deployment, supervisor: int) -> None:
    ticks = started_ticks(supervisor)
    _end_machines(deployment)
    with step("Stopping the platform"):
        if ticks is not None:
            # Its own end takes as long as its slowest child's grace; past that its children follow it by themselves.
            end(supervisor, ticks, stop_signal=signal.SIGTERM, grace_s=120)


def _end_at_rest(state: State, port: int) -> None:
    """Nothing serves, but machines may rest: the two servers that know of them are started for as long as it takes."""
    end_leftovers(state.processes)
    if not (state.postgres / "data").exists():
        return
    deployment = deployments.at(state, port=port)
    postgres, valkey = deployment.postgres(), deployment.valkey()
    try:
        with step("Postgres and Valkey"):
            postgres.start()
            valkey.start()
        _end_machines(deployment)
    finally:
        valkey.stop()
        postgres.stop()


def _end_machines(deployment: Deployment) -> None:
    """By the rows, so that the instances say what happened; where the rows fail us, stopping goes on all the same."""
    try:
        with step("Ending all machines"):
            deployment.run("manage.py", "end_machines", timeout_s=120)
    except Failed as failure:
        say(f"! {failure}")


if __name__ == "__main__":
    sys.exit(main())
