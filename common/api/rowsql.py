"""From a serializer to the SQL that writes the same JSON: for lists that PostgreSQL itself puts into words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Expression, F, Field, Func, Model, TextField
from rest_framework import serializers

_AS_IT_IS = (
    serializers.UUIDField,
    serializers.CharField,
    serializers.ChoiceField,
    serializers.IntegerField,
    serializers.FloatField,
    serializers.BooleanField,
    serializers.JSONField,
    serializers.DictField,
    serializers.ListField,
)
"""Fields whose value PostgreSQL's `row_to_json` writes as REST framework would."""


class Moment(Func):
    """A timestamp as our renderer writes it: UTC, six digits, Z. `AT TIME ZONE` and not the session's zone."""

    template = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    output_field: Field[Any, Any] = TextField()


def columns_of(
    serializer_class: type[serializers.BaseSerializer], computed: Mapping[str, Expression]
) -> dict[str, Expression | F]:
    """What to select for each name that the serializer shows, in its order.

    `computed` has the SQL of what is no column. Raises `ImproperlyConfigured` for a field that is neither, or whose
    type is unknown here: a guess would be an answer that the OpenAPI document does not promise.
    """
    model: type[Model] = serializer_class.Meta.model  # type: ignore[attr-defined]
    shown = {name: field for name, field in serializer_class().fields.items() if not field.write_only}  # type: ignore[attr-defined]
    return {name: computed[name] if name in computed else _column(model, name, field) for name, field in shown.items()}


def _column(model: type[Model], name: str, field: serializers.Field) -> Expression | F:
    columns = {column.attname for column in model._meta.concrete_fields}
    if field.source in columns:
        if isinstance(field, serializers.DateTimeField):
            return Moment(F(field.source))
        if isinstance(field, _AS_IT_IS):
            return F(field.source)
    raise ImproperlyConfigured(f"{model.__name__}: say in SQL what {name!r} is")
