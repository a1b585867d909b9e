"""The base of every admin page over tenant rows: staff see and choose within the site that they look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelect2Widget

from common.admin import PlatformAdmin, by_service
from common.errors import NotFound
from common.tenancy import everywhere_alias, unconfined
from sites import audit
from sites.models import Membership, Site, SiteOwned, User
from sites.principal import Principal
from sites.roles import Role, effective_scopes

CHOSEN_SITE = "admin_site"
"""In the session: the site that a member of several has chosen to look at."""
NOWHERE = UUID(int=0)
"""No site has this id: what people see who belong to none."""


class Audited:
    """Mixed into a page: what it writes into Django's history stands in the audit log too."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        _note(request, "added", obj)
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """`message` is a sentence, or for a form the names of the fields that changed."""
        _note(request, "changed", obj, what=message)
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for obj in queryset:
            _note(request, "deleted", obj)
        return super().log_deletions(request, queryset)  # type: ignore[misc]


class OperatorsOnly:
    """Mixed into a page over what is of no site. No permission of Django's opens it to anybody else."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_operator(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_operator(request)

    has_add_permission = has_module_permission
    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission


class SiteOwnedAdmin(Audited, PlatformAdmin):
    """Superusers see all; other staff only the rows of the site that they look at.

    What they may see of `noun` is what their role in the site lets them read, and with `role_writes` they may do to it
    what their role lets them write. Django's permissions, where they have any, add to that within the site.
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
        """Whether the user's role in the site that they look at lets them `verb` our nouns; `obj` must be of it."""
        role = role_here(request)
        if role is None or (isinstance(obj, SiteOwned) and obj.site_id != site_seen(request)):
            return False
        return f"{self.noun}:{verb}" in effective_scopes(role, [])

    def _role_writes(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.role_writes and self.role_lets(request, "write", obj)

    def limited(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        site_id = site_seen(request)
        if site_id is None:
            return rows
        if rows.model is Site:
            return rows.filter(pk=site_id)
        if rows.model is User:
            return rows.filter(pk__in=Membership.everywhere.filter(site=site_id).values("user_id"))
        return rows.filter(site=site_id) if issubclass(rows.model, SiteOwned) else rows.none()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Django takes a filter by any column, written by hand into an address; a site's own people filter by what the
        page shows them."""
        column = lookup.partition("__")[0]
        return bool(super().lookup_allowed(lookup, value, request)) and (
            is_operator(request) or column in self._shown_to(request)
        )

    def _shown_to(self, request: HttpRequest) -> set[str]:
        named = [one[0] if isinstance(one, tuple | list) else one for one in self.get_list_filter(request)]
        fields = flatten_fieldsets(self.get_fieldsets(request))
        return {"pk", "id", *map(str, (*named, *fields, *self.get_list_display(request)))}

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
        sites = self.limited(request, Site.objects.using(everywhere_alias()).order_by("name"))
        if is_operator(request) or not self.role_writes or self._role_writes(request):
            return sites
        return sites.none()

    def _asks_for_site(self) -> bool:
        return issubclass(self.model, SiteOwned)


def _staff(request: HttpRequest) -> UUID:
    return cast(UUID, request.user.pk)


def _note(request: HttpRequest, done: str, row: Model, **details: Any) -> None:
    """In the audit log: of the row's site, of the site that is looked at, or of the platform."""
    site_id = row.pk if isinstance(row, Site) else getattr(row, "site_id", None) or site_seen(request)
    audit.record_by_staff(_staff(request), site_id, f"admin.{row._meta.model_name}.{done}", row, **details)


def is_operator(request: HttpRequest) -> bool:
    """Whether the user runs the platform, and so sees every site."""
    return bool(getattr(request.user, "is_superuser", False))


def places_of(request: HttpRequest) -> dict[UUID, Membership]:
    """A member of staff's places in active sites, by site and in the order of the names; asked for once a request."""
    known: dict[UUID, Membership] | None = getattr(request, "_places_of_staff", None)
    if known is None:
        staff = getattr(request.user, "is_staff", False) and getattr(request.user, "is_active", False)
        with unconfined():
            rows = Membership.everywhere.filter(user_id=_staff(request), site__is_active=True) if staff else ()
            known = {row.site_id: row for row in rows.select_related("site").order_by("site__name")} if rows else {}
        request._places_of_staff = known  # type: ignore[attr-defined]
    return known


def site_seen(request: HttpRequest) -> UUID | None:
    """The site whose rows the user sees: the one chosen, or the first by name; None stands for all of them."""
    if is_operator(request):
        return None
    places = places_of(request)
    chosen = request.session.get(CHOSEN_SITE) if hasattr(request, "session") else None
    return next((site_id for site_id in places if str(site_id) == chosen), next(iter(places), NOWHERE))


def choose_site(request: HttpRequest, site_id: UUID) -> None:
    """Look at another of one's own sites from now on.

    Raises:
        NotFound: they do not belong to it.
    """
    if site_id not in places_of(request):
        raise NotFound("No such site.")
    request.session[CHOSEN_SITE] = str(site_id)


def role_here(request: HttpRequest) -> str | None:
    """The role of a member of staff in the site that they look at; None for those who belong to none."""
    place = places_of(request).get(site_seen(request) or NOWHERE)
    return place.role if place else None


def sites_seen(request: HttpRequest) -> list[UUID] | None:
    """The sites whose figures the user may see; None stands for all of them."""
    site_id = site_seen(request)
    return None if site_id is None else [site_id] if site_id in places_of(request) else []


@contextmanager
def asking(request: HttpRequest, site_id: UUID, *, as_role: str) -> Iterator[Principal]:
    """Around the call of a service: the admin's user as a principal of one site. A superuser comes `as_role`, a member
    as their own. Where the service refuses, what it wrote is undone.

    Raises:
        NotFound: they are neither.
    """
    role = as_role if is_operator(request) else role_here(request) if site_id == site_seen(request) else None
    if role is None:
        raise NotFound("No such site.")
    principal = Principal(site_id, _staff(request), role, effective_scopes(role, []), via="console")
    with by_service():
        yield principal


def through(service: Callable[[Principal, Any], object]) -> Callable[[HttpRequest, Any], object]:
    """An order to a row as the service of that row's id, asked by whoever gives it."""

    def ask(request: HttpRequest, row: Any) -> object:
        with asking(request, row.site_id, as_role=Role.ADMIN) as principal:
            return service(principal, row.pk)

    return ask


def page_of(model: type[Model], row_id: object) -> str:
    """The address of a row's page."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row_id])
