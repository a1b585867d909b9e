"""The command's root: options that come before the noun, and how it ends."""

from __future__ import annotations

import json
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from orchestrator_client.cli import exits
from orchestrator_client.cli.access import keys, profiles, register
from orchestrator_client.cli.instances import instances
from orchestrator_client.cli.logs import logs
from orchestrator_client.cli.output import say
from orchestrator_client.cli.plans import plans
from orchestrator_client.cli.session import Session
from orchestrator_client.errors import APIError, OrchestratorError
from orchestrator_client.version import VERSION

app = typer.Typer(
    name="orchestrator",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=exits.TABLE,
)
register(app)
app.add_typer(instances, name="instances")
app.add_typer(plans, name="plans")
app.add_typer(keys, name="keys")
app.add_typer(profiles, name="profiles")
app.command(name="logs")(logs)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def orchestrator(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="The platform's address.", show_default=False)] = None,
    profile: Annotated[str | None, typer.Option("--profile", "-p", help="A profile of `login`.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer.")] = 30.0,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Remote machines that people and AI agents work on.

    Begin with `orchestrator login`, or set ORCHESTRATOR_URL and ORCHESTRATOR_API_KEY. A key is never an argument, since
    arguments show in lists of processes.

    Example: `orchestrator instances create --type ubuntu --name "my desk" --wait`
    """
    session = Session(url, profile, timeout)
    context.obj = session
    context.call_on_close(session.close)


def main() -> None:
    """Run the command and end the process, by the table of `exits`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that this locale can't spell ends no command
    try:
        app(prog_name="orchestrator")
    except OrchestratorError as error:
        say(f"Error: {error}")
        if isinstance(error, APIError) and error.details:
            say(f"Details: {json.dumps(error.details, ensure_ascii=False)}")
        sys.exit(exits.code_of(error))
    except OSError as error:  # of what the command writes to, such as a full disk
        say(f"Error: {error.strerror or error}")
        sys.exit(exits.FAILED)
