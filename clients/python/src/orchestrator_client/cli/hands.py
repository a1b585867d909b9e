"""Hands and eyes on an instance, from the command line."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestrator_client.cli import exits
from orchestrator_client.cli.output import Format, Output, print_json, say
from orchestrator_client.cli.session import client, json_of, text_of

_TIMED_OUT = 124
"""As `timeout(1)` has it."""

Id = Annotated[str, typer.Argument(help="The instance's id.")]


class Picture(StrEnum):
    png = "png"
    jpeg = "jpeg"


def register_hands(instances: typer.Typer) -> None:
    """Put these commands below `instances`."""
    takes_all = {"ignore_unknown_options": True, "allow_interspersed_args": False}
    instances.command("bash", context_settings=takes_all)(bash)
    for command in (screenshot, act, type_, press, click):
        instances.command(command.__name__.rstrip("_"))(command)


def bash(
    context: typer.Context,
    id: Id,
    command: Annotated[list[str], typer.Argument(help="The command; `-` reads it from stdin.")],
    timeout: Annotated[float, typer.Option("--timeout", "-t", min=0.1, max=600, help="Seconds.")] = 30.0,
    output: Output = Format.table,
) -> None:
    """Run a command in the machine's shell. Its stdout, stderr and exit code become ours; 124 when its time was over.

    Options come before the id. Examples: `orchestrator instances bash $ID uname -a`,
    `orchestrator instances bash -t 300 $ID 'make test 2>&1 | tail'`
    """
    shell = client(context).desktop(id).bash(text_of(" ".join(command)), timeout_s=timeout)
    if output is Format.json:
        print_json(shell.model_dump(mode="json"))
    else:
        # As it came, whatever this terminal's locale could spell.
        sys.stdout.buffer.write(shell.stdout.encode())
        sys.stdout.flush()
        sys.stderr.buffer.write(shell.stderr.encode())
        sys.stderr.flush()
    if shell.truncated:
        say("(more was said than comes through)")
    if shell.timed_out or shell.exit_code is None:
        say(f"(ended after {timeout:g} s)")
        raise typer.Exit(_TIMED_OUT)
    # A command on windows may end with more than a process here can.
    raise typer.Exit(shell.exit_code if 0 <= shell.exit_code <= 255 else exits.FAILED)


def screenshot(
    context: typer.Context,
    id: Id,
    file: Annotated[str, typer.Option("--output", "-o", help="Where to; `-` is stdout.")],
    format: Annotated[Picture | None, typer.Option(help="By default the file's ending says it.")] = None,
) -> None:
    """A picture of the whole screen.

    Example: `orchestrator instances screenshot $ID -o screen.png`
    """
    if file == "-" and sys.stdout.isatty():
        raise typer.BadParameter("A picture is no text for a terminal; name a file.")
    kind = format or (Picture.jpeg if file.lower().endswith((".jpg", ".jpeg")) else Picture.png)
    picture = client(context).desktop(id).screenshot(format=kind.value)
    if file == "-":
        sys.stdout.buffer.write(picture)
        return
    try:
        Path(file).write_bytes(picture)
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}") from error


def act(
    context: typer.Context,
    id: Id,
    action: Annotated[str, typer.Argument(help="JSON, `-` for stdin, `@FILE`.")],
) -> None:
    """Any action as data; prints its result as JSON.

    Example: `orchestrator instances act $ID '{"type": "scroll", "direction": "down", "amount": 5}'`
    """
    print_json(client(context).desktop(id).act(json_of(action)).model_dump(mode="json"))


def type_(
    context: typer.Context,
    id: Id,
    text: Annotated[str, typer.Argument(help="Any Unicode; `-` for stdin, which shows in no list of processes.")],
) -> None:
    """Type a text.

    Example: `orchestrator instances type $ID - < letter.txt`
    """
    client(context).desktop(id).type(text_of(text))


def press(context: typer.Context, id: Id, keys: Annotated[list[str], typer.Argument(help="Together.")]) -> None:
    """Press keys together.

    Example: `orchestrator instances press $ID ctrl l`
    """
    client(context).desktop(id).press(*keys)


def click(
    context: typer.Context,
    id: Id,
    x: int,
    y: int,
    count: Annotated[int, typer.Option(min=1, max=10, help="2 is a double click.")] = 1,
) -> None:
    """Click at x, y.

    Example: `orchestrator instances click $ID 400 300`
    """
    client(context).desktop(id).click(x, y, count=count)
