"""What every command shares: which platform, which key, how patient."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from orchestrator_client import Client


@dataclass(slots=True)
class Session:
    """The options before the command. The client is made when it is first needed, so that `--help` needs none."""

    url: str | None = None
    profile: str | None = None
    timeout_s: float = 30.0
    _client: Client | None = None

    def client(self) -> Client:
        """Raises NotConfigured: no address or key is known."""
        if self._client is None:
            self._client = Client(self.url, profile=self.profile, timeout_s=self.timeout_s)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def client(context: typer.Context) -> Client:
    """The client of the command that `context` belongs to."""
    session = context.find_root().obj
    assert isinstance(session, Session)
    return session.client()


def pairs(assignments: list[str] | None) -> dict[str, str]:
    """`NAME=VALUE` words as a mapping. Raises typer.BadParameter: one has no `=`."""
    found: dict[str, str] = {}
    for assignment in assignments or []:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{assignment!r} is not NAME=VALUE")
        found[name] = value
    return found


def text_of(word: str) -> str:
    """The word itself; `-` reads stdin, `@FILE` a file."""
    try:
        text = _read(word)
        text.encode()  # bytes that no text has come as half surrogates from stdin and from arguments
    except UnicodeError as error:
        raise typer.BadParameter("This is no text.") from error
    except OSError as error:
        raise typer.BadParameter(f"{word[1:]}: {error.strerror}") from error
    return text


def _read(word: str) -> str:
    if word == "-":
        return sys.stdin.read()
    return Path(word[1:]).read_text() if word.startswith("@") else word


def json_of(word: str) -> Any:
    """JSON of an argument, of `-` or of `@FILE`. Raises typer.BadParameter: it is none."""
    try:
        return json.loads(text_of(word))
    except ValueError as error:
        raise typer.BadParameter(f"This is no JSON: {error}") from error
