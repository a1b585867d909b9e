"""The second wall's door: within a scope the database itself shows one site's rows and no other's.

Row-level security compares `site_id` with the setting `app.site_id`, which lives as long as the transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from psycopg import Cursor

CREW = "crew"
"""The database alias that sees every site: sweeps, ingest, the platform's own admin. Never a tenant's request."""

_ENTER = "SELECT set_config('app.site_id', %s, true)"

_current: ContextVar[UUID | None] = ContextVar("site_scope", default=None)


@contextmanager
def site_scope(site_id: UUID) -> Iterator[None]:
    """One transaction that sees and writes `site_id`'s rows only; within a scope of the same site it adds nothing.

    Raises:
        RuntimeError: inside another site's scope; one request serves one site.
    """
    outer = _current.get()
    if outer is not None:
        if outer != site_id:
            raise RuntimeError("a scope of one site was opened inside another's")
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_ENTER, [str(site_id)])
        token = _current.set(site_id)
        try:
            yield
        finally:
            _current.reset(token)


def execute_in_site(site_id: UUID, statements: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of the last of `statements` (joined by `;`), as in a `site_scope` of its own, but in one round trip.

    For the few paths where each millisecond counts. They reach Postgres as one message, which it runs as one
    transaction: all of it or nothing. Within a scope of the same site they join that one's.

    Raises:
        RuntimeError: inside another site's scope.
    """
    with connection.cursor() as cursor:
        if connection.in_atomic_block:
            with site_scope(site_id):
                cursor.execute(statements, parameters)
        else:
            cursor.execute(f"{_ENTER}; {statements}", [str(site_id), *parameters])
        while cursor.nextset():
            continue
        return cursor.fetchall() if cursor.description else []


def read_in_site(site_id: UUID, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of one reading `statement`, as `execute_in_site` gives them, but prepared: planned once a connection.

    For statements of few texts and many calls. It speaks to psycopg below Django's cursors, which know neither
    pipelines nor prepared statements; the errors are Django's, and `connection.queries` tells of it.

    Raises:
        RuntimeError: inside another site's scope.
    """
    if connection.in_atomic_block:
        return execute_in_site(site_id, statement, parameters)
    connection.ensure_connection()
    begun = monotonic()
    with connection.wrap_database_errors:
        rows = _piped(connection.connection, str(site_id), statement, parameters)
    if connection.queries_logged:
        connection.queries_log.append({"sql": statement, "time": f"{monotonic() - begun:.3f}"})
    return rows


def _piped(session: Any, site_id: str, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Four statements, sent together and answered together."""
    try:
        with session.pipeline():
            Cursor(session).execute("BEGIN READ ONLY")
            Cursor(session).execute(_ENTER, [site_id], prepare=True)
            cursor: Cursor[Any] = Cursor(session).execute(statement, parameters, prepare=True)
            Cursor(session).execute("COMMIT")
        return cursor.fetchall()
    except BaseException:
        session.rollback()  # whatever failed before its COMMIT has left the transaction open
        raise


def current_site_id() -> UUID | None:
    """The site whose scope is open here, or None."""
    return _current.get()
