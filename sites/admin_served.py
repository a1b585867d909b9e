"""Admin pages whose rows are written by services: a form's last check is the service itself, and nothing else saves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.db.models import Model
from django.forms.models import construct_instance
from django.http import HttpRequest

from common.errors import PlatformError
from sites.admin_base import SiteOwnedAdmin, asking, is_operator
from sites.principal import Principal
from sites.roles import Role


class ServedForm(forms.ModelForm):
    """What the service refuses stands beside the field, with what was typed; what it wrote is `written`."""

    write: Callable[[ServedForm], Model]
    written: Model

    def said(self) -> dict[str, Any]:
        """What of the row is to be otherwise, by its columns; of a new row, all."""
        rows = {field.name: field for field in self._meta.model._meta.concrete_fields}
        found: dict[str, Any] = {}
        for name, value in self.cleaned_data.items():
            value = value.pk if isinstance(value, Model) else value
            if name in rows and (self.instance._state.adding or value != self.initial.get(name)):
                found[rows[name].attname] = value
        return found

    def _post_clean(self) -> None:
        """What a field may be the model says; which of them go together, and what may not be twice, the service."""
        construct_instance(self, self.instance, self._meta.fields, self._meta.exclude)
        try:
            self.instance.clean_fields(exclude=self._get_validation_exclusions())  # type: ignore[attr-defined]
        except forms.ValidationError as error:
            self.add_error(None, error)
        if self.errors:
            return
        try:
            self.written = self.write(self)
        except PlatformError as refusal:
            for column, problems in refusal.details.get("fields", {"": [refusal.message]}).items():
                name = column.removesuffix("_id")
                self.add_error(name if name in self.fields else None, problems)


class ServedAdmin(SiteOwnedAdmin):
    """Whoever's role writes `noun` in the site makes and changes rows. `editable` are the form's fields, `shown` stand
    below them, `bounds` are the least and the most of numbers. Deleting is an order: what hangs on a row goes by the
    service, too."""

    role_writes = True
    form = ServedForm
    editable: ClassVar[tuple[str, ...]] = ()
    shown: ClassVar[tuple[str, ...]] = ()
    bounds: ClassVar[Mapping[str, tuple[int, int]]] = {}
    operators_write: ClassVar[bool] = True

    def create(self, principal: Principal, **fields: Any) -> Model:
        """By the service. Raises its PlatformErrors."""
        raise NotImplementedError

    def change(self, principal: Principal, row_id: UUID, **fields: Any) -> Model:
        """The same; only what has changed is among `fields`."""
        raise NotImplementedError

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.write = partial(self._write, request)  # of this request's class alone
        return form

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.bounds:
            kwargs["min_value"], kwargs["max_value"] = self.bounds[db_field.name]
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["for_site", *self.editable] if obj is None else [*self.editable, *self.shown]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.shown

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.pk = form.written.pk

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may_write(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Without a row: to give orders, which are anybody's whose role allows it."""
        return (obj is None or self._may_write(request)) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _may_write(self, request: HttpRequest) -> bool:
        return self.operators_write or not is_operator(request)

    def _write(self, request: HttpRequest, form: ServedForm) -> Model:
        adding = form.instance._state.adding
        site_id = form.cleaned_data["for_site"].pk if adding else form.instance.site_id
        with asking(request, site_id, as_role=Role.ADMIN) as principal:
            if adding:
                return self.create(principal, **form.said())
            return self.change(principal, form.instance.pk, **form.said())
