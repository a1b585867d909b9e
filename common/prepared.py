"""Statements in a site's scope that each connection plans once: scope and statement in one round trip."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import monotonic
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import connection
from psycopg import ClientCursor, Connection
from psycopg.errors import InvalidSqlStatementName

from common.tenancy import ENTER_SITE, execute_in_site, with_free_hands

KEPT_PER_CONNECTION = 100
_ENTER_RELAXED = f"{ENTER_SITE}, set_config('synchronous_commit', 'off', true)"
_PLACES = re.compile(r"%([%s])")

_names: WeakKeyDictionary[Connection[Any], dict[str, str]] = WeakKeyDictionary()


def read_in_site(site_id: UUID, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of one reading `statement`, as `execute_in_site` gives them, but planned once a connection.

    For statements of few texts and many calls: planning takes PostgreSQL half as long as the page itself. It speaks to
    psycopg below Django's cursors, whose statements are never prepared; the errors are Django's, and
    `connection.queries` tells of it.

    Raises:
        RuntimeError: inside another site's scope.
    """
    return _in_site(ENTER_SITE, site_id, statement, parameters)


def write_in_site(site_id: UUID, statement: str, parameters: Sequence[Any], *, waits_for_disk: bool) -> None:
    """Execute one writing `statement` as a transaction of its own, planned once a connection like those that read.

    Unless it `waits_for_disk`, it is committed and seen by all when this returns, but PostgreSQL flushes it a moment
    later (up to three times its `wal_writer_delay`): a crash of PostgreSQL itself within that may lose it, whole.

    Raises:
        RuntimeError: inside another site's scope.
    """
    _in_site(ENTER_SITE if waits_for_disk else _ENTER_RELAXED, site_id, statement, parameters)


def _in_site(enter: str, site_id: UUID, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    if connection.in_atomic_block:
        return execute_in_site(site_id, statement, parameters)
    with_free_hands()
    connection.ensure_connection()
    begun = monotonic()
    with connection.wrap_database_errors:
        rows = _run(connection.connection, f"{enter}; ", site_id, statement, parameters)
    if connection.queries_logged:
        connection.queries_log.append({"sql": statement, "time": f"{monotonic() - begun:.3f}"})
    return rows


def _run(session: Any, enter: str, site_id: UUID, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    names = _names.setdefault(session, {})
    known = names.get(statement)
    if known is not None:
        try:
            return _execute(session, enter, site_id, known, parameters)
        except InvalidSqlStatementName:  # a pooler between us has given us another server's connection
            names.pop(statement, None)
    name = f"hot_{id(session)}_{monotonic():.6f}".replace(".", "_")
    prepare = f"{_make_room(names)}PREPARE {name} AS {_numbered(statement)}; "
    rows = _execute(session, prepare + enter, site_id, name, parameters)
    names[statement] = name
    return rows


def _execute(session: Any, before: str, site_id: UUID, name: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """One message, which PostgreSQL runs as one transaction; the scope ends with it."""
    places = f"({', '.join(['%s'] * len(parameters))})" if parameters else ""
    cursor: ClientCursor[Any] = ClientCursor(session)
    cursor.execute(f"{before}EXECUTE {name}{places}", [str(site_id), *parameters])
    while cursor.nextset():
        continue
    return cursor.fetchall() if cursor.description else []


def _make_room(names: dict[str, str]) -> str:
    if len(names) < KEPT_PER_CONNECTION:
        return ""
    return f"DEALLOCATE {names.pop(next(iter(names)))}; "


def _numbered(statement: str) -> str:
    """`%s` as $1, $2, …, and `%%` still as it is, for psycopg reads the whole message once more."""
    number = 0

    def numbered(place: re.Match[str]) -> str:
        nonlocal number
        if place[1] == "%":
            return place[0]
        number += 1
        return f"${number}"

    return _PLACES.sub(numbered, statement)
