"""Instances: asking for them, waiting, ordering, and what happened to them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator_client import Client, WaitTimeout
from orchestrator_client.cli.hands import register_hands
from orchestrator_client.cli.logs import COLUMNS as LOG_COLUMNS
from orchestrator_client.cli.logs import Follow, Level, Limit, LogType, narrowed
from orchestrator_client.cli.output import Format, Output, busy, show, show_rows, show_stream
from orchestrator_client.cli.session import client, json_of
from orchestrator_client.models import Instance

instances = typer.Typer(no_args_is_help=True, help="Machines: ask for them, act on them, see what happens.")
register_hands(instances)

COLUMNS = ("id", "name", "instance_type", "status", "created_at")
_ONE = (*COLUMNS, "status_reason", "desired_state", "provider", "configuration", "started_at", "stopped_at")
_EVENT_COLUMNS = ("number", "created_at", "kind", "status", "message")
_SLICE_S = 2.0

Id = Annotated[str, typer.Argument(help="The instance's id.")]
Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait until it is so.")]
Patience = Annotated[float, typer.Option("--timeout", "-t", min=0, help="Seconds to wait.")]


class Flavour(StrEnum):
    ubuntu = "ubuntu"
    browser = "browser"
    windows = "windows"


@instances.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", "-n", help="What to call it.")],
    flavour: Annotated[Flavour, typer.Option("--type", help="What kind of machine.")] = Flavour.browser,
    configuration: Annotated[str | None, typer.Option("--config", help="JSON, `-` or `@FILE`.")] = None,
    env: Annotated[list[str] | None, typer.Option("--env", help="NAME of a variable here to hand on.")] = None,
    env_file: Annotated[Path | None, typer.Option(help="Lines of NAME=VALUE.", exists=True, dir_okay=False)] = None,
    wait: Wait = False,
    timeout: Patience = 180.0,
    output: Output = Format.table,
) -> None:
    """Ask for a machine. Answers at once; `--wait` waits until it runs.

    Values of variables are read here from the environment or a file, and never from the command line.

    Example: `orchestrator instances create --type ubuntu --name desk --config '{"memory_mib": 4096}' --wait`
    """
    asked: dict[str, Any] = {"name": name, "instance_type": flavour.value}
    if configuration is not None:
        asked["configuration"] = json_of(configuration)
    if variables := _variables(env, env_file):
        asked["environment_variables"] = variables
    made = client(context).instances.create(**asked)
    show(_arrived(context, made.id, "running", timeout) if wait else made, output, _ONE)


@instances.command("list")
def list_instances(
    context: typer.Context,
    status: Annotated[list[str] | None, typer.Option(help="Such as running; may be repeated.")] = None,
    flavour: Annotated[list[Flavour] | None, typer.Option("--type", help="May be repeated.")] = None,
    search: Annotated[str | None, typer.Option(help="Words in the name.")] = None,
    limit: Limit = 100,
    output: Output = Format.table,
) -> None:
    """The site's instances, newest first."""
    found: dict[str, Any] = {"status": status, "search": search, "limit": min(limit, 500)}
    found["instance_type"] = [kind.value for kind in flavour] if flavour else None
    show_rows(islice(client(context).instances.list(**found), limit), output, COLUMNS)


@instances.command("get")
def get(context: typer.Context, id: Id, output: Output = Format.table) -> None:
    """One instance."""
    show(client(context).instances.get(id), output, _ONE)


@instances.command("wait")
def wait_for(
    context: typer.Context,
    id: Id,
    status: Annotated[str, typer.Option(help="What to wait for.")] = "running",
    timeout: Patience = 180.0,
    output: Output = Format.table,
) -> None:
    """Wait for a status. Ends with 4 when the time is over, with 6 when it can't come any more.

    Example: `orchestrator instances wait $ID --status stopped --timeout 60`
    """
    show(_arrived(context, id, status, timeout), output, _ONE)


@instances.command("events")
def events(
    context: typer.Context,
    id: Id,
    follow: Follow = False,
    after: Annotated[int | None, typer.Option(help="Only those with a greater number.")] = None,
    output: Output = Format.table,
) -> None:
    """What happened to an instance, from its first event; `-f` goes on with what comes, over every cut of the line."""
    noun = client(context).instances
    if follow:
        show_stream(noun.events(id, after=after), output, _EVENT_COLUMNS)
    else:
        told = sorted(noun.list_events(id, after=after or 0), key=lambda event: event.number)
        show_rows(told, output, _EVENT_COLUMNS)


@instances.command("logs")
def logs(
    context: typer.Context,
    id: Id,
    follow: Follow = False,
    level: Level = None,
    log_type: LogType = None,
    limit: Limit = 50,
    output: Output = Format.table,
) -> None:
    """What was written about an instance, the newest last; `-f` goes on with what comes."""
    noun, wanted = client(context).instances, narrowed(level, log_type)
    if follow:
        show_stream(noun.follow_logs(id, last=min(limit, 500), **wanted), output, LOG_COLUMNS)
    else:
        newest = list(islice(noun.list_logs(id, limit=min(limit, 500), **wanted), limit))
        show_rows(reversed(newest), output, LOG_COLUMNS)


def _ordered(name: str, told: str, order: Callable[[Client, str], Instance], comes_to: str) -> None:
    """A command that asks for a change of state."""

    def command(
        context: typer.Context, id: Id, wait: Wait = False, timeout: Patience = 180.0, output: Output = Format.table
    ) -> None:
        ordered = order(client(context), id)
        show(_arrived(context, id, comes_to, timeout) if wait else ordered, output, _ONE)

    instances.command(name, help=told)(command)


_ordered("start", "Start a stopped instance.", lambda api, id: api.instances.start(id), "running")
_ordered("stop", "Stop it and keep its disk.", lambda api, id: api.instances.stop(id), "stopped")
_ordered("restart", "Stop it and start it again.", lambda api, id: api.instances.restart(id), "running")
_ordered("retry", "Give one in error a new machine.", lambda api, id: api.instances.retry(id), "running")
_ordered("delete", "Destroy its machine, and then hide it.", lambda api, id: api.instances.delete(id), "deleted")


def _arrived(context: typer.Context, id: str, status: str, timeout_s: float) -> Instance:
    """Wait as the client does, in short pieces, so that a spinner can tell the status of each."""
    noun, deadline = client(context).instances, time.monotonic() + timeout_s
    with busy(f"waiting for {status}") as spinner:
        while True:
            left_s = max(0.0, deadline - time.monotonic())
            try:
                return noun.wait(id, status, timeout_s=left_s if spinner is None else min(_SLICE_S, left_s))
            except WaitTimeout:
                if time.monotonic() >= deadline:
                    raise
            if spinner is not None:
                spinner.update(f"{noun.get(id).status}, waiting for {status}")


def _variables(names: list[str] | None, file: Path | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in file.read_text().splitlines() if file else []:
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            found[name] = value
    for name in names or []:
        if name not in os.environ:
            raise typer.BadParameter(f"There is no variable {name!r} here; values are not taken from arguments.")
        found[name] = os.environ[name]
    return found
