"""Tables cut by time: RANGE partitions on a UUIDv7 key, one for each month, and one for whatever fits none of them.

Only the owner's connection may do any of it. Partitions are reached through their table alone: they grant nothing to
the other roles, and force row-level security without a policy of a tenant's. docs/adr/ says why months.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations import CreateModel, RunPython

from common.ids import first_id_at

MONTHS_AHEAD = 2
LOCK_TIMEOUT_MS = 500
"""Queries queue up behind whoever waits for a lock on a table, so nobody here waits longer; beat tries again. It is
less than Postgres's own patience with a deadlock (a second), so that it is never a request that pays for one with us.
"""
_PRIVATE = (
    "REVOKE ALL ON {name} FROM app, crew",
    "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
    "CREATE POLICY migrations ON {name} TO CURRENT_USER USING (true) WITH CHECK (true)",
)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, day: date) -> Month:
        return cls(day.year, day.month)

    def next(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def begin(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def first_id(self) -> UUID:
        """No UUIDv7 of this month is below it, none of an earlier month is at or above it."""
        return first_id_at(self.begin)

    def table(self, parent: str) -> str:
        return f"{parent}_{self.year:04d}_{self.month:02d}"


class CreatePartitionedModel(CreateModel):
    """CreateModel of a table that is partitioned by its key, with a default partition, so that no row is refused."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        usual = schema_editor.sql_create_table
        schema_editor.sql_create_table = f"{usual} PARTITION BY RANGE ({model._meta.pk.column})"
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            schema_editor.sql_create_table = usual
        table = model._meta.db_table
        schema_editor.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
        for statement in _PRIVATE:
            schema_editor.execute(statement.format(name=f"{table}_default"))


def first_partitions(table: str) -> RunPython:
    """A migration operation: the partitions of this month and the next ones. Later ones are beat's to make."""

    def make(apps: Any, schema_editor: Any) -> None:
        make_ahead(schema_editor.connection, table, datetime.now(UTC))

    return RunPython(make, RunPython.noop)


def make_ahead(connection: BaseDatabaseWrapper, table: str, now: datetime) -> list[Month]:
    """Have a partition for the month of `now` and for those that follow; the months that got one just now.

    Rows of such a month that the default partition took in meanwhile move over. Twice, or from two workers at once,
    makes nothing twice.

    Raises:
        OperationalError: a lock was not to be had in time; nothing of that month was changed.
    """
    made, month = [], Month.of(now.astimezone(UTC))
    for _ in range(MONTHS_AHEAD + 1):
        if month not in months_of(connection, table) and _make(connection, table, month):
            made.append(month)
        month = month.next()
    return made


def drop_before(connection: BaseDatabaseWrapper, table: str, moment: datetime) -> list[Month]:
    """Drop every partition all of whose rows are older than `moment`; their months, oldest first.

    Raises:
        OperationalError: a lock was not to be had in time; what was dropped until then stays dropped.
    """
    old = [month for month in months_of(connection, table) if month.next().begin <= moment]
    for month in old:
        name = month.table(table)
        with _locked(connection, table) as cursor:
            if month in _months(cursor, table):
                cursor.execute(f"ALTER TABLE {table} DETACH PARTITION {name}")
                cursor.execute(f"DROP TABLE {name}")
    return old


def months_of(connection: BaseDatabaseWrapper, table: str) -> list[Month]:
    """The months that have a partition, oldest first."""
    with connection.cursor() as cursor:
        return _months(cursor, table)


class _locked:
    """A transaction in which nobody else makes or drops partitions of `table`, and no lock is waited for long."""

    def __init__(self, connection: BaseDatabaseWrapper, table: str) -> None:
        self._connection, self._table = connection, table
        self._transaction = transaction.atomic(using=connection.alias)

    def __enter__(self) -> Any:
        self._transaction.__enter__()
        self._cursor = self._connection.cursor()
        self._cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        self._cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"partitions of {self._table}"])
        return self._cursor

    def __exit__(self, *raised: Any) -> None:
        self._cursor.close()
        self._transaction.__exit__(*raised)


def _make(connection: BaseDatabaseWrapper, table: str, month: Month) -> bool:
    """Filled apart and then attached: writers of other months wait for no more than the attaching."""
    name, low, high = month.table(table), month.first_id, month.next().first_id
    with _locked(connection, table) as cursor:
        if month in _months(cursor, table):
            return False
        cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS)")
        for statement in _PRIVATE:
            cursor.execute(statement.format(name=name))
        cursor.execute(f"LOCK TABLE ONLY {table}_default IN ACCESS EXCLUSIVE MODE")
        cursor.execute(
            f"WITH moved AS (DELETE FROM {table}_default WHERE id >= %s AND id < %s RETURNING *)"  # noqa: S608
            f" INSERT INTO {name} SELECT * FROM moved",
            [low, high],
        )
        cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')")
    return True


def _months(cursor: Any, table: str) -> list[Month]:
    cursor.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = %s::regclass",
        [table],
    )
    named = (re.fullmatch(rf"{table}_(\d{{4}})_(\d\d)", name) for (name,) in cursor.fetchall())
    return sorted(Month(int(match[1]), int(match[2])) for match in named if match)
