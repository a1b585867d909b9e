"""Plans: what is to be reached on an instance, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any

import typer

from orchestrator_client import Client
from orchestrator_client.cli.logs import Follow, Limit
from orchestrator_client.cli.output import Format, Output, show, show_rows, show_stream
from orchestrator_client.cli.session import client, json_of
from orchestrator_client.models import Plan

plans = typer.Typer(no_args_is_help=True, help="What is to be reached on an instance, step by step.")

_COLUMNS = ("id", "title", "status", "progress_percentage", "instance_id", "created_at")
_ONE = (*_COLUMNS, "plan_type", "priority", "steps_completed", "steps_total", "error_message", "due_at")
_STEP_COLUMNS = ("id", "status", "title", "actual_output", "error_message")
_EVENT_COLUMNS = ("number", "created_at", "kind", "status", "message")

Id = Annotated[str, typer.Argument(help="The plan's id.")]
Reason = Annotated[str | None, typer.Option("--reason", "-r", help="What to write down as the reason.")]


@plans.command("create")
def create(
    context: typer.Context,
    instance: Annotated[str, typer.Option("--instance", "-i", help="The instance's id.")],
    title: Annotated[str, typer.Option("--title", help="What is to be reached.")],
    step: Annotated[list[str] | None, typer.Option("--step", "-s", help="A step's title; may be repeated.")] = None,
    kind: Annotated[str, typer.Option("--type", help="objective, task, verification or milestone.")] = "task",
    data: Annotated[str | None, typer.Option("--data", "-d", help="More fields: JSON, `-` or `@FILE`.")] = None,
    start: Annotated[bool, typer.Option("--start", help="Begin at once.")] = False,
    output: Output = Format.table,
) -> None:
    """Write a plan.

    Example: `orchestrator plans create -i $ID --title "Fetch the invoices" -s "Sign in" -s "Download" --start`
    """
    fields: dict[str, Any] = {"instance_id": instance, "title": title, "plan_type": kind}
    if step:
        fields["steps"] = [{"title": words} for words in step]
    if start:
        fields["status"] = "in_progress"
    more = json_of(data) if data is not None else {}
    if not isinstance(more, dict):
        raise typer.BadParameter("The fields are one JSON object.")
    show(client(context).plans.create(**{**fields, **more}), output, _ONE)


@plans.command("list")
def list_plans(
    context: typer.Context,
    instance: Annotated[str | None, typer.Option("--instance", "-i", help="Only this instance's.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="Such as in_progress; may be repeated.")] = None,
    limit: Limit = 100,
    output: Output = Format.table,
) -> None:
    """The site's plans, newest first."""
    wanted: dict[str, Any] = {"instance_id": instance, "status": status, "limit": min(limit, 500)}
    show_rows(islice(client(context).plans.list(**wanted), limit), output, _COLUMNS)


@plans.command("get")
def get(context: typer.Context, id: Id, output: Output = Format.table) -> None:
    """One plan and its steps."""
    plan = client(context).plans.get(id)
    show(plan, output, _ONE)
    if output is Format.table and plan.steps:
        typer.echo()
        show_rows(plan.steps, output, _STEP_COLUMNS)


@plans.command("step")
def change_step(
    context: typer.Context,
    id: Id,
    step: Annotated[str, typer.Argument(help="The step's id.")],
    status: Annotated[str | None, typer.Option(help="pending, in_progress, completed, failed, skipped.")] = None,
    result: Annotated[str | None, typer.Option("--result", help="What came of it.")] = None,
    output: Output = Format.table,
) -> None:
    """Say how far a step has come.

    Example: `orchestrator plans step $PLAN sign-in --status completed --result "Signed in as Ada"`
    """
    said: dict[str, Any] = {"status": status, "actual_output": result}
    changed = {name: value for name, value in said.items() if value is not None}
    if not changed:
        raise typer.BadParameter("Say --status, --result or both.")
    show(client(context).plans.update_step(id, step, **changed), output, _ONE)


@plans.command("events")
def events(context: typer.Context, id: Id, follow: Follow = False, output: Output = Format.table) -> None:
    """A plan's history; `-f` goes on with what comes."""
    noun = client(context).plans
    if follow:
        show_stream(noun.events(id), output, _EVENT_COLUMNS)
    else:
        told = sorted(noun.list_events(id), key=lambda event: event.number)
        show_rows(told, output, _EVENT_COLUMNS)


@plans.command("fail")
def fail(context: typer.Context, id: Id, reason: Reason = None, output: Output = Format.table) -> None:
    """Say that it can't be reached, and why."""
    show(client(context).plans.fail(id, **_because(reason)), output, _ONE)


@plans.command("cancel")
def cancel(context: typer.Context, id: Id, reason: Reason = None, output: Output = Format.table) -> None:
    """Give it up for good."""
    show(client(context).plans.cancel(id, **_because(reason)), output, _ONE)


@plans.command("delete")
def delete(context: typer.Context, id: Id) -> None:
    """Forget a plan that is not in progress."""
    client(context).plans.delete(id)


def _moved(name: str, told: str, move: Callable[[Client, str], Plan]) -> None:
    """A command that moves a plan along its table."""

    def command(context: typer.Context, id: Id, output: Output = Format.table) -> None:
        show(move(client(context), id), output, _ONE)

    plans.command(name, help=told)(command)


_moved("start", "Begin it; its instance must be running.", lambda api, id: api.plans.start(id))
_moved("complete", "Say that it is reached; every step is done or skipped.", lambda api, id: api.plans.complete(id))
_moved("pause", "Let it rest.", lambda api, id: api.plans.pause(id))
_moved("resume", "Go on with it.", lambda api, id: api.plans.resume(id))
_moved("retry", "Try a failed one again.", lambda api, id: api.plans.retry(id))


def _because(reason: str | None) -> dict[str, Any]:
    return {} if reason is None else {"reason": reason}
