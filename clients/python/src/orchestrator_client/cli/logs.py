"""Log entries: those there are, and those to come."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

import typer

from orchestrator_client.cli.output import Format, Output, show_rows, show_stream
from orchestrator_client.cli.session import client

COLUMNS = ("created_at", "level", "log_type", "message")
SITE_COLUMNS = ("created_at", "instance_id", "level", "log_type", "message")
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
Level = Annotated[list[str] | None, typer.Option(help="debug, info, warn, error, critical; may be repeated.")]
LogType = Annotated[list[str] | None, typer.Option("--type", help="Such as agent_action; may be repeated.")]


def logs(
    context: typer.Context,
    follow: Follow = False,
    level: Level = None,
    log_type: LogType = None,
    limit: Limit = 50,
    output: Output = Format.table,
) -> None:
    """What was written about the site's instances, the newest last; `-f` goes on with what comes.

    Example: `orchestrator logs -f --level error --level critical -o json | jq .message`
    """
    noun, wanted = client(context).logs, narrowed(level, log_type)
    if follow:
        show_stream(noun.follow(last=min(limit, 500), **wanted), output, SITE_COLUMNS)
    else:
        newest = list(islice(noun.list(limit=min(limit, 500), **wanted), limit))
        show_rows(reversed(newest), output, SITE_COLUMNS)


def narrowed(level: list[str] | None, log_type: list[str] | None) -> dict[str, Any]:
    """What the platform takes as filters; it checks the words itself."""
    return {name: words for name, words in {"level": level, "log_type": log_type}.items() if words}
