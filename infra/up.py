"""`make up`: the whole platform on this machine, from nothing to a running desktop, until Ctrl-C.

It starts everything as its own children, watches them, and at the end stops them and nothing else.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from infra import deployment as deployments
from infra.box import box
from infra.client import Credentials, Platform, first_instance
from infra.deployment import Deployment
from infra.embedded.paths import State
from infra.embedded.processes import Failed, port_is_free
from infra.programs import programs
from infra.progress import say, step
from infra.supervisor import Supervisor, end_leftovers

_HEALTHY_WITHIN_S = 60.0


class Stop(BaseException):
    """Somebody asked us to end, by Ctrl-C or a signal."""


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 after a wished end, 1 when it could not start."""
    options = _parser().parse_args(arguments)
    _stop_on_signals()
    try:
        state = State.at(options.state_dir)
        with deployments.held(state):
            _serve(state, options)
    except deployments.AlreadyRunning as other:
        say(f"The platform is {other}; its URLs and key: {state.credentials}. Stop it with make down, or Ctrl-C there.")
        return 1
    except Failed as failure:
        say(f"\n{failure}")
        return 1
    except Stop:
        pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.up", description=__doc__)
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")), help="of the web (PORT, 8000)")
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=Path(os.environ.get("STATE_DIR", ".local")),
        help="credentials, secrets and logs (STATE_DIR, .local)",
    )
    parser.add_argument("--no-instance", action="store_true", help="ask for no first instance")
    parser.add_argument("--throwaway", action="store_true", help="quick and not safe against a power cut: for tests")
    return parser


def _stop_on_signals() -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Stop

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, stop)


def _serve(state: State, options: argparse.Namespace) -> None:
    end_leftovers(state.processes)
    if not port_is_free(options.port):
        raise Failed(f"Port {options.port} is in use by another program. Choose one: PORT=8080 make up")
    deployment = deployments.at(state, port=options.port, durable=not options.throwaway)
    deployment.write_env_file()
    supervisor = Supervisor(state.processes, say)
    try:
        _start_services(deployment, supervisor)
        _prepare(deployment)
        _start_platform(deployment, supervisor)
        _welcome(deployment, supervisor, with_instance=not options.no_instance)
        while True:
            supervisor.look()
            time.sleep(0.1)
    finally:
        _end(deployment, supervisor)


def _start_services(deployment: Deployment, supervisor: Supervisor) -> None:
    postgres, valkey = deployment.postgres(), deployment.valkey()
    with step("Postgres"):
        postgres.prepare()
        postgres.wait_ready(supervisor.start(postgres.program()))
        postgres.ensure_database()
    with step("Valkey"):
        valkey.prepare()
        valkey.wait_ready(supervisor.start(valkey.program()))


def _prepare(deployment: Deployment) -> None:
    """What must be there before the first request. Each part does nothing when it is there already."""
    state = deployment.state
    with step("Migrations"):
        deployment.run("manage.py", "migrate", "--database=owner", "--no-input")
    try:
        templates = ("--guest-site", str(state.guest_site), "--templates", str(state.templates))
        deployment.run_shown("-m", "infra.templates", *templates)
    except Failed:
        say("! not every kind of machine can be made here (see above); the rest works")
    with step("Demo site and key"):
        deployment.run("manage.py", "ensure_demo", "--credentials", str(state.credentials))


def _start_platform(deployment: Deployment, supervisor: Supervisor) -> None:
    for program in programs(deployment):
        supervisor.start(program)


def _welcome(deployment: Deployment, supervisor: Supervisor, *, with_instance: bool) -> None:
    credentials = Credentials.read(deployment.state.credentials)
    platform = Platform(deployment.port, credentials)
    try:
        with step("gateway, web, worker, beat"):
            unwell = _until_healthy(platform, supervisor)
        if unwell:
            say(f"! not all is well: {unwell} (logs: {deployment.state.logs})")
        instance = first_instance(platform, meanwhile=supervisor.look) if with_instance else None
    except Failed as failure:
        # The platform stays up: what is wrong with it can be seen only while it runs.
        say(f"! {failure} (logs: {deployment.state.logs})")
        instance = None
    finally:
        platform.close()
    say("\n" + box(credentials, instance, kept_in=deployment.state.credentials))


def _until_healthy(platform: Platform, supervisor: Supervisor) -> str:
    """ "" once it is, else what is wrong with it still at the deadline."""
    deadline = time.monotonic() + _HEALTHY_WITHIN_S
    while unwell := platform.unwell():
        if time.monotonic() > deadline:
            break
        supervisor.look()
        time.sleep(0.1)
    return unwell


def _end(deployment: Deployment, supervisor: Supervisor) -> None:
    """Rest the machines while nobody else works on them, then stop what we started. A second Ctrl-C skips the rest."""
    say()
    try:
        if supervisor.is_running("worker"):
            with step("Resting the machines"):
                supervisor.stop("beat", "worker")
                deployment.run("manage.py", "rest_machines", timeout_s=60)
    except Failed as failure:
        say(f"! {failure}")
    except Stop:
        say("! not waiting for the machines")
    finally:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        with step("Stopping"):
            supervisor.stop()


if __name__ == "__main__":
    sys.exit(main())
