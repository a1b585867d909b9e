"""Puts every secret at rest under the current key while the platform runs, batch by batch and as often as asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.db import connections
from django.db.models import Model

from common.secrets import EncryptedJSONField, is_current, reseal
from common.tenancy import CREW

BATCH = 500


@dataclass(slots=True)
class Progress:
    """Of one column. `unreadable`: none of the keys fits; such a row is left as it is."""

    table: str
    column: str
    rows: int = 0
    resealed: int = 0
    unreadable: int = 0


def sealed_columns() -> Iterator[tuple[type[Model], str, str]]:
    """Every column whose values are sealed: model, table and column, found by the kind of its field."""
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedJSONField):
                yield model, model._meta.db_table, str(field.column)


def rotate(*, write: bool = True) -> Iterator[Progress]:
    """Look at each sealed value and, with `write`, reseal those that are not under the current key. Yields after each
    batch, and once for a column that is empty.

    A row that somebody writes meanwhile is under the current key by that. Killed half-way, it goes on the next time.
    """
    for model, table, column in sealed_columns():
        progress = Progress(table, column)
        key = str(model._meta.pk.column) if model._meta.pk else "id"
        yield from _batches(progress, key, write=write)


def _batches(progress: Progress, key: str, *, write: bool) -> Iterator[Progress]:
    after: Any = None
    while True:
        batch = _read(progress, key, after)
        for row_id, sealed in batch:
            _look_at(progress, key, row_id, bytes(sealed), write=write)
        yield progress
        if len(batch) < BATCH:
            return
        after = batch[-1][0]


def _read(progress: Progress, key: str, after: Any) -> list[tuple[Any, Any]]:
    beyond = "" if after is None else f"AND {key} > %s"
    statement = (
        f"SELECT {key}, {progress.column} FROM {progress.table} "  # noqa: S608 - names are the models' own
        f"WHERE {progress.column} IS NOT NULL {beyond} ORDER BY {key} LIMIT {BATCH}"
    )
    with connections[CREW].cursor() as cursor:
        cursor.execute(statement, [] if after is None else [after])
        rows: list[tuple[Any, Any]] = cursor.fetchall()
        return rows


def _look_at(progress: Progress, key: str, row_id: Any, sealed: bytes, *, write: bool) -> None:
    progress.rows += 1
    if is_current(sealed):
        return
    try:
        anew = reseal(sealed)
    except InvalidToken:
        progress.unreadable += 1
        return
    progress.resealed += 1
    if write:
        statement = (
            f"UPDATE {progress.table} SET {progress.column} = %s "  # noqa: S608 - names are the models' own
            f"WHERE {key} = %s AND {progress.column} = %s"
        )
        with connections[CREW].cursor() as cursor:
            cursor.execute(statement, [anew, row_id, sealed])
