"""Who asks: login, profiles, keys; how the platform is; and any request at all."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator_client import Client, NotConfigured
from orchestrator_client.cli import exits
from orchestrator_client.cli.output import Format, Output, print_json, say, show, show_rows
from orchestrator_client.cli.session import client, json_of, pairs
from orchestrator_client.profiles import DEFAULT, Profiles

keys = typer.Typer(no_args_is_help=True, help="API keys of the site.")
profiles = typer.Typer(no_args_is_help=True, help="Platforms and keys that `login` has kept.")
_KEY_COLUMNS = ("id", "name", "prefix", "scopes", "created_at", "revoked_at")


def register(app: typer.Typer) -> None:
    """Put the commands that have no noun onto the root."""
    app.command()(login)
    app.command()(whoami)
    app.command()(health)
    app.command(name="request")(request)


def login(
    url: Annotated[str | None, typer.Argument(help="The platform's address.", show_default=False)] = None,
    name: Annotated[str, typer.Option("--name", "-n", help="What to call this profile.")] = DEFAULT,
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read the key from stdin; so it is where that is no terminal.")
    ] = False,
    credentials: Annotated[
        Path | None, typer.Option(help="A `credentials.json` of `make up`.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Keep an address and a key, once the platform has taken them.

    They lie in a file of mode 0600 in your folder of settings, or where ORCHESTRATOR_PROFILES says.

    Examples: `orchestrator login --credentials .local/credentials.json`,
    `orchestrator login https://desks.example.com --key-stdin < key.txt`
    """
    if credentials is not None:
        url, api_key = _read_credentials(credentials)
    else:
        url = url or typer.prompt("Address", err=True)
        piped = key_stdin or not sys.stdin.isatty()
        api_key = sys.stdin.readline().strip() if piped else typer.prompt("API key", hide_input=True, err=True)
    if not url or not api_key:
        raise NotConfigured("The address or the key is empty.")  # never another that happens to be known
    with Client(url, api_key) as asked:
        me = asked.me.get()
    Profiles.at().keep(name, url=url.rstrip("/"), api_key=api_key)
    say(f"{me.role} of site {me.site_id} at {url}; kept as profile {name!r}, which is in use now.")


def whoami(context: typer.Context, output: Output = Format.table) -> None:
    """Who the key is for, its role and its scopes."""
    show(client(context).me.get(), output)


def health(context: typer.Context, output: Output = Format.table) -> None:
    """Every part of the platform: well, or the reason why not. Ends with 1 when something is not well."""
    told = client(context).health()
    if output is Format.json:
        print_json(told.model_dump(mode="json"))
    else:
        for name, part in told.components.items():
            reason = part.get("reason") or "" if isinstance(part, dict) else ""
            is_well = part.get("ok", True) if isinstance(part, dict) else True
            typer.echo(f"{'ok ' if is_well else 'BAD'}  {name}  {reason}".rstrip())
    if not told.ok:
        raise typer.Exit(exits.FAILED)


def request(
    context: typer.Context,
    method: Annotated[str, typer.Argument(help="GET, POST, PATCH, DELETE …")],
    path: Annotated[str, typer.Argument(help="Such as /api/agents.")],
    data: Annotated[str | None, typer.Option("--data", "-d", help="The body as JSON, `-` for stdin, `@FILE`.")] = None,
    query: Annotated[list[str] | None, typer.Option("--query", "-q", help="NAME=VALUE of the query.")] = None,
) -> None:
    """Any request, also one that this version has no command for. Prints JSON, or the bytes that came.

    Example: `orchestrator request POST /api/agents -d '{"name": "Ada"}'`
    """
    if not path.startswith("/"):
        raise typer.BadParameter("The path begins with a slash.")
    body = None if data is None else json_of(data)
    answer: Any = client(context).request(method, path, params=pairs(query), json=body)
    if isinstance(answer, bytes):
        sys.stdout.buffer.write(answer)
    elif answer is not None:
        print_json(answer)


@profiles.command("list")
def list_profiles(output: Output = Format.table) -> None:
    """Their names and addresses; no keys."""
    kept = Profiles.at()
    in_use = kept.in_use()
    rows = [{"name": name, "url": url, "in_use": name == in_use} for name, url in kept.addresses().items()]
    if output is Format.json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{'*' if row['in_use'] else ' '} {row['name']}  {row['url']}")


@profiles.command("use")
def use_profile(name: str) -> None:
    """Take this one when none is named."""
    Profiles.at().use(name)


@profiles.command("remove")
def remove_profile(name: str) -> None:
    """Forget its address and key here. To end the key itself: `orchestrator keys revoke`."""
    Profiles.at().remove(name)


@keys.command("list")
def list_keys(context: typer.Context, output: Output = Format.table) -> None:
    """The site's keys. Their secrets are shown nowhere."""
    show_rows(client(context).keys.list(), output, _KEY_COLUMNS)


@keys.command("create")
def create_key(
    context: typer.Context,
    name: str,
    scope: Annotated[list[str] | None, typer.Option("--scope", "-s", help="Such as instances:read.")] = None,
    agent: Annotated[str | None, typer.Option(help="The id of the agent that it acts for.")] = None,
    output: Output = Format.table,
) -> None:
    """Make a key. It is printed this once.

    Example: `orchestrator keys create ci -s instances:read -s instances:act`
    """
    asked: dict[str, Any] = {"name": name, "scopes": scope or [], **({"agent_id": agent} if agent else {})}
    made = client(context).keys.create(**asked)
    if output is Format.json:
        show(made, output)
    else:
        typer.echo(made.api_key)


@keys.command("revoke")
def revoke_key(context: typer.Context, id: str) -> None:
    """End a key for good."""
    client(context).keys.delete(id)


def _read_credentials(path: Path) -> tuple[str, str]:
    try:
        known = json.loads(path.read_text())
        return str(known["url"]), str(known["api_key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotConfigured(f"{path} holds no address and key.") from error
