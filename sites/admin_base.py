"""The base of every admin page over tenant rows: staff see and choose within the sites that they belong to."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelect2Widget

from common.admin import CrewAdmin
from common.errors import NotFound
from common.tenancy import CREW
from sites import audit
from sites.keys import sites_of
from sites.models import Membership, Site, SiteOwned, User
from sites.principal import Principal
from sites.roles import effective_scopes


class Audited:
    """Mixed into a page: what it writes into Django's history stands in the audit log too."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        audit.record_by_staff(_staff(request), f"admin.{obj._meta.model_name}.added", obj)
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """`message` is a sentence, or for a form the names of the fields that changed."""
        audit.record_by_staff(_staff(request), f"admin.{obj._meta.model_name}.changed", obj, what=message)
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for obj in queryset:
            audit.record_by_staff(_staff(request), f"admin.{obj._meta.model_name}.deleted", obj)
        return super().log_deletions(request, queryset)  # type: ignore[misc]


class SiteOwnedAdmin(Audited, CrewAdmin):
    """Superusers see all; other staff only their sites' rows.

    What they may see of `noun` is what their role in the site lets them read, and with `role_writes` they may do to it
    what their role lets them write. Django's permissions, where they have any, add to that within their sites.
    The site is asked for when a row is made (`for_site`) and never changes.
    """

    noun: ClassVar[str]
    role_writes: ClassVar[bool] = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_view_permission(request, obj)) or self.role_lets(request, "read", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request)) or self._role_writes(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj)) or self._role_writes(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) or self._role_writes(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_module_permission(request)) or self.role_lets(request, "read")

    def role_lets(self, request: HttpRequest, verb: str, obj: Any = None) -> bool:
        """Whether the user's role lets them `verb` our nouns: in the row's site, or without a row in any of theirs."""
        roles = roles_of(request)
        if isinstance(obj, SiteOwned):
            roles = {site_id: role for site_id, role in roles.items() if site_id == obj.site_id}
        return any(f"{self.noun}:{verb}" in effective_scopes(role, []) for role in roles.values())

    def _role_writes(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.role_writes and self.role_lets(request, "write", obj)

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
            field = forms.ModelChoiceField(
                queryset=self._places(request), label="Site", widget=UnfoldAdminSelect2Widget
            )
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

    def _places(self, request: HttpRequest) -> QuerySet[Site]:
        """The sites in which the user may make such a row."""
        sites = self.limited(request, Site.objects.using(CREW).order_by("name"))
        if getattr(request.user, "is_superuser", False) or not self.role_writes:
            return sites
        scope = f"{self.noun}:write"
        roles = roles_of(request).items()
        return sites.filter(pk__in=[site_id for site_id, role in roles if scope in effective_scopes(role, [])])

    def _asks_for_site(self) -> bool:
        return issubclass(self.model, SiteOwned)


def _staff(request: HttpRequest) -> UUID:
    return cast(UUID, request.user.pk)


def roles_of(request: HttpRequest) -> dict[UUID, str]:
    """The role of a member of staff in each of their sites; asked for once a request."""
    known: dict[UUID, str] | None = getattr(request, "_roles_of_staff", None)
    if known is None:
        staff = getattr(request.user, "is_staff", False) and getattr(request.user, "is_active", False)
        rows = Membership.everywhere.filter(user_id=cast(UUID, request.user.pk), site__is_active=True) if staff else ()
        known = {row.site_id: row.role for row in rows}
        request._roles_of_staff = known  # type: ignore[attr-defined]
    return known


def sites_seen(request: HttpRequest) -> list[UUID] | None:
    """The sites whose rows the user may see; None stands for all of them."""
    return None if getattr(request.user, "is_superuser", False) else sorted(roles_of(request))


def principal_at(request: HttpRequest, site_id: UUID, *, as_role: str) -> Principal:
    """The admin's user as a principal of one site, for calling services: a superuser `as_role`, a member as their own.

    Raises:
        NotFound: they are neither.
    """
    role = as_role if getattr(request.user, "is_superuser", False) else roles_of(request).get(site_id)
    if role is None:
        raise NotFound("No such site.")
    return Principal(site_id, cast(UUID, request.user.pk), role, effective_scopes(role, []), via="console")


def page_of(model: type[Model], row_id: object) -> str:
    """The address of a row's page."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row_id])
