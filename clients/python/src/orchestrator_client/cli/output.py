"""What the command prints: tables for people, JSON for programs; results to stdout, all else to stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Format(StrEnum):
    table = "table"
    json = "json"
    id = "id"


Output = Annotated[Format, typer.Option("--output", "-o", help="A table for people, the API's JSON, or ids.")]
_WIDE = 4096
# What a machine or somebody else wrote is shown, and does nothing to the terminal that shows it.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def show(row: BaseModel, format: Format, columns: Sequence[str] = ()) -> None:
    """One answer: all of its fields, or as a table only `columns`."""
    if format is Format.json:
        print_json(row.model_dump(mode="json"))
        return
    if format is Format.id:
        _print_id(row)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in row.model_dump().items():
        if not columns or name in columns:
            table.add_row(Text(name, style="bold"), Text(_cell(value)))
    _console().print(table)


def show_rows(rows: Iterable[BaseModel], format: Format, columns: Sequence[str]) -> None:
    """A list: a JSON array, or a line for each."""
    if format is Format.json:
        print_json([row.model_dump(mode="json") for row in rows])
        return
    if format is Format.id:
        for row in rows:
            _print_id(row)
        return
    table = Table(*(name.upper() for name in columns), box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(_cell(getattr(row, name, None))) for name in columns))
    _console().print(table)


def show_stream(rows: Iterable[BaseModel], format: Format, columns: Sequence[str]) -> None:
    """Each as it comes, on a line of its own."""
    for row in rows:
        if format is Format.json:
            line = _json(row.model_dump(mode="json"))
        elif format is Format.id:
            line = str(getattr(row, "id", ""))
        else:
            line = "  ".join(_cell(getattr(row, name, None)) for name in columns)
        typer.echo(line)
        sys.stdout.flush()


def print_json(value: Any) -> None:
    """JSON of two spaces' indent, as text that any locale can take."""
    typer.echo(_json(value, indent=2))


def say(text: str) -> None:
    """A sentence beside the result."""
    typer.echo(_harmless(text), err=True)


@contextmanager
def busy(text: str) -> Iterator[Any]:
    """A spinner while something takes its time, where somebody watches. `update(text)` changes what it says."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with console.status(text) as status:
        yield status


def _json(value: Any, indent: int | None = None) -> str:
    """With escapes only where stdout can't spell what it holds."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def _print_id(row: BaseModel) -> None:
    typer.echo(getattr(row, "id", ""))


def _console() -> Console:
    """As wide as the terminal; what goes into a pipe or a file is not cut."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDE, color_system=None)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, dict | list):
        return _harmless(json.dumps(value, ensure_ascii=False, default=str))
    return _harmless(str(value))


def _harmless(text: str) -> str:
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)
