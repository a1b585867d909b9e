"""The admin's way to the rows: every query of its pages runs as crew, in one transaction a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.core.paginator import Paginator
from django.db import OperationalError, connections, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin

from common.errors import PlatformError
from common.tenancy import CREW

Page = TypeVar("Page", bound=Callable[..., HttpResponseBase])

PAGE_WITHIN_MS = 10_000
"""What one statement of an admin page may take: a search through everything is given up, and holds nobody up."""
COUNT_CAP = 10_001

_in_admin: ContextVar[bool] = ContextVar("in_admin", default=False)


class AdminRouter:
    """Sends what an admin page asks for to crew, where no alias was named; and the admin's own history, always.

    Django's admin asks the router in a dozen places of its own: forms, deletions, the history. A row that a service has
    read goes back where it came from: written by crew it would wait for the lock of the service's own transaction.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        if model is LogEntry:
            return CREW
        read_by: str | None = hints["instance"]._state.db if hints.get("instance") is not None else None
        return read_by or (CREW if _in_admin.get() else None)

    db_for_write = db_for_read

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        return True  # every alias is the same database


@contextmanager
def as_crew() -> Iterator[None]:
    """For a page of the admin: one transaction of the role that sees every site."""
    token = _in_admin.set(True)
    try:
        with transaction.atomic(using=CREW):
            with connections[CREW].cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(PAGE_WITHIN_MS)])
            yield
    finally:
        _in_admin.reset(token)


def crew_page(view: Page) -> Page:
    """An admin view whose page is drawn before the role is given back."""

    @wraps(view)
    def drawn(*args: Any, **kwargs: Any) -> HttpResponseBase:
        with as_crew():
            response = view(*args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
        return response

    return drawn  # type: ignore[return-value]


class CappedPaginator(Paginator):
    """Counts to 10,001 and stops there: nobody turns to page two hundred, and a whole count reads the whole table."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by()[:COUNT_CAP].count()


class CrewAdmin(ModelAdmin):
    """An admin page over rows of every site. `limited` is where a subclass narrows them to what the user may see."""

    show_full_result_count = False
    paginator = CappedPaginator
    list_per_page = 50
    list_fullwidth = True

    def limited(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """`rows`, of any model, that `request.user` may see or choose."""
        return rows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = QuerySet(self.model, using=CREW).order_by(
            *self.get_ordering(request) or self.model._meta.ordering
        )
        return self.limited(request, rows)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        chosen_from = kwargs.get("queryset") or QuerySet(db_field.remote_field.model, using=CREW)
        return super().formfield_for_foreignkey(
            db_field, request, **{**kwargs, "queryset": self.limited(request, chosen_from)}
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        try:
            return self._changelist(request, extra_context)
        except OperationalError:
            if not request.GET:
                raise
            self.message_user(request, "That took too long to look up. Filter more narrowly.", messages.ERROR)
            return HttpResponseRedirect(request.path)

    @crew_page
    def _changelist(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        return cast(HttpResponseBase, super().changelist_view(request, extra_context))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """What a service refuses is told on the page that asked for it; nothing is written then."""
        try:
            return self._changeform(request, *args, **kwargs)
        except PlatformError as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return HttpResponseRedirect(request.path)

    @crew_page
    def _changeform(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return cast(HttpResponseBase, super().changeform_view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return self._deletion(request, *args, **kwargs)
        except PlatformError as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return HttpResponseRedirect(request.path)

    @crew_page
    def _deletion(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return cast(HttpResponseBase, super().delete_view(request, *args, **kwargs))

    @crew_page
    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return cast(HttpResponseBase, super().history_view(request, *args, **kwargs))


class ShownOnly:
    """Mixed into a page over rows that nobody edits by hand: it shows them, and has no button that would save."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
