"""The base of every admin page over tenant rows: staff see and choose within the sites that they belong to."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from common.admin import CrewAdmin
from common.tenancy import CREW
from sites.keys import sites_of
from sites.models import Membership, Site, SiteOwned, User
from sites.principal import Principal
from sites.roles import effective_scopes


class SiteOwnedAdmin(CrewAdmin):
    """Superusers see all; other staff only their sites' rows, with the permissions that Django's groups give them.

    The site is asked for when a row is made (`for_site`) and never changes.
    """

    def limited(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        if getattr(request.user, "is_superuser", False):
            return rows
        mine = sites_of(cast(UUID, request.user.pk)).values("pk")
        if rows.model is Site:
            return rows.filter(pk__in=mine)
        if rows.model is User:
            return rows.filter(pk__in=Membership.everywhere.filter(site__in=mine).values("user_id"))
        return rows.filter(site__in=mine) if issubclass(rows.model, SiteOwned) else rows.none()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None and self._asks_for_site():
            choices = self.limited(request, Site.objects.using(CREW).all())
            field = forms.ModelChoiceField(queryset=choices, label="Site", widget=UnfoldAdminSelectWidget)
            kwargs["form"] = type("NewRowForm", (self.form,), {"for_site": field})
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = list(self.fields or [])
        return ["for_site", *fields] if obj is None and self._asks_for_site() else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        readonly = super().get_readonly_fields(request, obj)
        return [name for name in readonly if name not in (self.fields or [])] if obj is None else readonly

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        row = super().save_form(request, form, change)
        if not change and "for_site" in form.cleaned_data:
            row.site = form.cleaned_data["for_site"]
        return row

    def _asks_for_site(self) -> bool:
        return issubclass(self.model, SiteOwned)


def principal_at(request: HttpRequest, site_id: UUID, *, as_role: str) -> Principal:
    """The admin's user as a principal of one site, for calling services. The admin's own permissions decided before."""
    return Principal(site_id, cast(UUID, request.user.pk), as_role, effective_scopes(as_role, []), via="console")
