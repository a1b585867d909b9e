"""A new row as the text and values of its INSERT, for statements that travel together."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Model
from django.db.models.fields import NOT_PROVIDED


def insert_of(row: Model) -> tuple[str, list[Any]]:
    """The statement that `row.save(force_insert=True)` would execute; what the database fills in is left to it."""
    fields = [field for field in row._meta.local_concrete_fields if field.db_default is NOT_PROVIDED]
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
    table = connection.ops.quote_name(row._meta.db_table)
    return f"INSERT INTO {table} ({columns}) VALUES ({marks})", values  # noqa: S608 - names are the model's own
