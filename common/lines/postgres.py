"""PostgreSQL for the event loop: one statement in a site's scope, planned once a connection, in one round trip.

By libpq's pipeline, below psycopg's cursors: their awaiting costs more than the statements that are asked here.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from django.db import OperationalError, connections
from psycopg import pq
from psycopg.errors import DuplicatePreparedStatement, InvalidSqlStatementName, error_from_result

from common.errors import Unavailable
from common.tenancy import ENTER_SITE

AT_MOST = 8
WITHIN_S = 5.0
"""For a line that is free; a statement has the time that its connection's `statement_timeout` allows."""
ANSWERED_WITHIN_S = 30.0
"""Longer than that: past it, the network has swallowed the question or its answer."""

Row = tuple[bytes | None, ...]
_FINE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
_ENTER = ENTER_SITE.replace("%s", "$1").encode()
_ENTER_RELAXED = _ENTER + b", set_config('synchronous_commit', 'off', true)"
_POOLED = (InvalidSqlStatementName, DuplicatePreparedStatement)


class Line:
    """One connection, for one statement at a time. Whatever goes wrong on it ends it."""

    def __init__(self, session: psycopg.Connection[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._session, self._loop = session, loop
        self._pg = session.pgconn
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()
        self._names: dict[bytes, bytes] = {}
        self._waiting: asyncio.Future[list[Row]] | None = None
        self._rows: list[Row] = []
        self._error: psycopg.Error | None = None
        self._socket = self._pg.socket
        self.is_open = True
        loop.add_reader(self._socket, self._hear)

    async def run(self, statements: Sequence[tuple[bytes, Sequence[bytes | None]]], *, plans_once: bool) -> list[Row]:
        """The rows of the last of `statements`, which are one transaction.

        Raises:
            psycopg.Error: one of them failed, or the connection has gone.
        """
        self._rows, self._error = [], None
        self._waiting = self._loop.create_future()
        try:
            for statement, parameters in statements:
                self._send(statement, parameters, plans_once=plans_once)
            self._pg.pipeline_sync()
            self._flush()
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                return await self._waiting
        except TimeoutError as error:
            self.close()
            raise psycopg.OperationalError("PostgreSQL did not answer in time") from error
        except BaseException:
            self.close()
            raise
        finally:
            self._waiting = None

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._session.close()

    def _send(self, statement: bytes, parameters: Sequence[bytes | None], *, plans_once: bool) -> None:
        if not plans_once:
            self._pg.send_query_params(statement, parameters)
            return
        name = self._names.get(statement)
        if name is None:
            name = self._names[statement] = _name_of(statement)
            self._pg.send_prepare(name, statement)
        self._pg.send_query_prepared(name, parameters)

    def _flush(self) -> None:
        if self._pg.flush():
            self._loop.add_writer(self._socket, self._flush_more)

    def _flush_more(self) -> None:
        try:
            if not self._pg.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._end(error)

    def _hear(self) -> None:
        try:
            self._pg.consume_input()
            if self._waiting is not None:
                self._take_results()
            elif self._pg.status != pq.ConnStatus.OK:
                self.close()
        except psycopg.Error as error:
            self._end(error)

    def _take_results(self) -> None:
        while not self._pg.is_busy():
            result = self._pg.get_result()
            if result is None:  # between two statements
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                self._end(self._error)
                return
            if result.status in _FINE:
                columns = range(result.nfields)
                self._rows = [tuple(result.get_value(row, at) for at in columns) for row in range(result.ntuples)]
            elif self._error is None:
                self._error = error_from_result(result)

    def _end(self, error: psycopg.Error | None) -> None:
        waiting = self._waiting
        if waiting is None:
            self.close()
        elif not waiting.done():
            if error is None:
                waiting.set_result(self._rows)
            else:
                waiting.set_exception(error)


class Lines:
    """Up to `AT_MOST` lines of one event loop, as the role that requests have; made when first needed and kept."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle: deque[Line] = deque()
        self._free = asyncio.Semaphore(AT_MOST)
        self._plans_once = True

    async def read_in_site(self, site_id: UUID, statement: bytes, parameters: Sequence[bytes | None]) -> list[Row]:
        """The rows, as PostgreSQL writes them. A connection that was lost meanwhile is replaced, once.

        Raises:
            Error: Django's, as for `common.prepared.read_in_site`.
            Unavailable: no line was free in time.
        """
        told = [(_ENTER, [str(site_id).encode()]), (statement, parameters)]
        try:
            return await self._run(told)
        except OperationalError:
            return await self._run(told)

    async def write_in_site(
        self, site_id: UUID, statement: bytes, parameters: Sequence[bytes | None], *, waits_for_disk: bool
    ) -> None:
        """`common.prepared.write_in_site` for the loop; it is never tried twice.

        Raises:
            Error, Unavailable: as for `read_in_site`.
        """
        enter = _ENTER if waits_for_disk else _ENTER_RELAXED
        await self._run([(enter, [str(site_id).encode()]), (statement, parameters)])

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _run(self, statements: Sequence[tuple[bytes, Sequence[bytes | None]]]) -> list[Row]:
        await self._turn()
        line: Line | None = None
        try:
            with connections["default"].wrap_database_errors:
                line = self._kept() or await self._made()
                try:
                    return await line.run(statements, plans_once=self._plans_once)
                except _POOLED:  # a pooler between us hands on connections, and not what was prepared on them
                    self._plans_once = False
                    line = await self._made()
                    return await line.run(statements, plans_once=False)
        finally:
            if line is not None and line.is_open:
                self._idle.append(line)
            self._free.release()

    async def _turn(self) -> None:
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise Unavailable("The platform is busy or being restarted; try again.", retry_after_s=2) from error

    def _kept(self) -> Line | None:
        while self._idle:
            line = self._idle.pop()
            if line.is_open:
                return line
        return None

    async def _made(self) -> Line:
        return Line(await asyncio.to_thread(_connected), self._loop)


def of_this_loop() -> Lines:
    """The lines of the running event loop."""
    loop = asyncio.get_running_loop()
    known = _lines.get(loop)
    if known is None:
        known = _lines[loop] = Lines()
    return known


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, Lines] = WeakKeyDictionary()


def _name_of(statement: bytes) -> bytes:
    """Behind a pooler a name may be another line's: it is the same statement then."""
    return b"quick_" + hashlib.sha256(statement).hexdigest()[:32].encode()


def numbered(statement: str) -> bytes:
    """`statement` with `$1`, `$2`, … for each `%s`."""
    first, *rest = statement.split("%s")
    return (first + "".join(f"${at}{piece}" for at, piece in enumerate(rest, 1))).encode()


def text(value: object) -> bytes | None:
    """A parameter as PostgreSQL reads it."""
    if value is None:
        return None
    return b"true" if value is True else b"false" if value is False else str(value).encode()


def _connected() -> psycopg.Connection[Any]:
    parameters = connections["default"].get_connection_params()
    return psycopg.connect(**parameters, autocommit=True)
