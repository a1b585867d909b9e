"""Serializers that take what they declare and nothing else, in the type that they declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

_JSON_TYPES: tuple[tuple[type[serializers.Field], tuple[type, ...], str], ...] = (
    (serializers.BooleanField, (bool,), "Must be true or false."),
    (serializers.IntegerField, (int,), "Must be a whole number."),
    (serializers.FloatField, (int, float), "Must be a number."),
    (serializers.CharField, (str,), "Must be a string."),
    (serializers.UUIDField, (str,), "Must be a valid UUID."),
    (serializers.ChoiceField, (str, int), "Must be one of the choices."),
)


class StrictSerializer(serializers.Serializer):
    """Unknown fields and read-only fields are refused; so is a value of another JSON type, such as `"5"` for 5.

    `tolerated` names read-only fields that a client may send back as it got them; they change nothing.
    """

    tolerated: frozenset[str] = frozenset()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, QueryDict):  # an empty form, as curl sends it with an empty body
            data = data.dict()
        faults: dict[str, Any] = self._misfits(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                faults = {**error.detail, **faults}
            else:
                raise
        if faults:
            raise serializers.ValidationError(faults)
        return value

    def _misfits(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        faults: dict[str, list[str]] = {}
        for name, value in data.items():
            field = self.fields.get(name)
            if field is None:
                if name not in self.tolerated:
                    faults[name] = ["Unknown field."]
            elif field.read_only:
                if name not in self.tolerated:
                    faults[name] = ["This field is read-only."]
            elif (problem := _misfit(field, value)) is not None:
                faults[name] = [problem]
        return faults


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer):
    """Of a tenant's rows. Relations are declared as `…_id` UUIDs and looked up by the services, within the site.

    What REST framework would add by itself asks the default manager, which sees every site: choices of related rows
    and checks for uniqueness. The first is a mistake here and the second is left to the database.
    """

    def build_relational_field(self, field_name: str, relation_info: Any) -> Any:
        raise AssertionError(f"{type(self).__name__}: declare {field_name}_id as a UUIDField instead of {field_name}")

    def build_standard_field(self, field_name: str, model_field: models.Field[Any, Any]) -> Any:
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        kwargs.pop("validators", None) if model_field.unique else None
        return field_class, kwargs

    def get_unique_together_validators(self) -> list[Any]:
        return []


class NumberedEventSerializer(StrictModelSerializer):
    """An entry of a history: what came about, and between which statuses where it was a move."""

    status = serializers.SerializerMethodField()
    status_from = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_status(self, event: Any) -> str | None:
        return event.status_to or None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_status_from(self, event: Any) -> str | None:
        return event.status_from or None


def _misfit(field: serializers.Field, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(field, serializers.ListField) and isinstance(value, list) and field.child is not None:
        return next((problem for item in value if (problem := _misfit(field.child, item))), None)
    for kind, wanted, problem in _JSON_TYPES:
        if isinstance(field, kind):
            fits = isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))
            return None if fits else problem
    return None
