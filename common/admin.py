"""How the admin reaches rows: an operator's pages run as crew, everybody else's as a request of one site does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils.functional import cached_property
from psycopg.errors import InsufficientPrivilege
from unfold.admin import ModelAdmin

from common.errors import PlatformError
from common.tenancy import CREW, confined, everywhere_alias, site_scope, unconfined

View = Callable[..., HttpResponseBase]
Waiting = TypeVar("Waiting", bound=View)

PAGE_WITHIN_MS = 10_000
"""What one statement of an admin page may take: a search through everything is given up, and holds nobody up."""
COUNT_CAP = 10_001

_in_admin: ContextVar[bool] = ContextVar("in_admin", default=False)
_site: ContextVar[UUID | None] = ContextVar("site_of_admin", default=None)


class AdminRouter:
    """Sends what an admin page asks for to the role that the page runs as, where no alias was named.

    Django's admin asks the router in a dozen places of its own: forms, deletions, the history. A row that a service has
    read goes back where it came from: written by another role it would wait for the lock of the service's own
    transaction. Sessions and permissions are of no site; the requests' role has no rights on them.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        if model is Session or model._meta.app_label == "auth":
            return CREW
        if model is LogEntry:
            return everywhere_alias()
        read_by: str | None = hints["instance"]._state.db if hints.get("instance") is not None else None
        return read_by or (everywhere_alias() if _in_admin.get() else None)

    db_for_write = db_for_read

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        return True  # every alias is the same database


@contextmanager
def seen_from(site_id: UUID | None) -> Iterator[None]:
    """For a request to the admin: as an operator of the platform (None), or as somebody who sees one site.

    Of somebody who sees one site every query runs as the role `app`, also one that forgets the site: the second wall
    shows it that site's rows, and outside a `page` none.
    """
    tokens = _in_admin.set(True), _site.set(site_id)
    try:
        with unconfined() if site_id is None else confined():
            yield
    finally:
        _in_admin.reset(tokens[0])
        _site.reset(tokens[1])


@contextmanager
def page() -> Iterator[None]:
    """One transaction of the role that this request is seen from, in which no statement takes for ever."""
    site_id = _site.get()
    with transaction.atomic(using=CREW) if site_id is None else site_scope(site_id):
        with connections[everywhere_alias()].cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(PAGE_WITHIN_MS)])
        yield


@contextmanager
def by_service() -> Iterator[None]:
    """Around a service that a page calls: it reaches what it reaches for the API, and is undone where it refuses."""
    in_admin = _in_admin.set(False)
    try:
        with ExitStack() as stack:
            stack.enter_context(unconfined())
            if connection.in_atomic_block:
                stack.enter_context(transaction.atomic())
            yield
    finally:
        _in_admin.reset(in_admin)


def waits(view: Waiting) -> Waiting:
    """Marks an admin view that waits for others, so that no transaction is open around it; it opens its own `page`s."""
    view.waits = True  # type: ignore[attr-defined]
    return view


def drawn(view: View) -> View:
    """The view as a page: drawn before its transaction ends. What a service refuses is told on the page that asked for
    it, and nothing is written then.

    Raises:
        PermissionDenied: the database has refused what the view tried.
    """
    if getattr(view, "waits", False):
        return view

    @wraps(view)
    def whole(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            with page():
                response = view(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    response.render()
            return response
        except PlatformError as refusal:
            if request.method != "POST":
                raise
            messages.error(request, refusal.message)
        except OperationalError:
            if not request.GET:
                raise
            messages.error(request, "That took too long to look up. Filter more narrowly.")
        except IntegrityError:  # with what its own check did not see: another site's row, or a quicker one
            if request.method != "POST":
                raise
            messages.error(request, "That clashes with what is there already.")
        except (DataError, OverflowError):  # Django takes a filter by any column, written by hand into the address
            if request.method != "POST" and not request.GET:
                raise
            messages.error(request, "A value there makes no sense.")
        except ProgrammingError as error:
            if isinstance(error.__cause__, InsufficientPrivilege):
                raise PermissionDenied from error
            raise
        return HttpResponseRedirect(request.path)

    return whole


class CappedPaginator(Paginator):
    """Counts to 10,001 and stops there: nobody turns to page two hundred, and a whole count reads the whole table."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by()[:COUNT_CAP].count()


class PlatformAdmin(ModelAdmin):
    """An admin page over rows of sites. `limited` is where a subclass narrows them to what the user may see."""

    show_full_result_count = False
    paginator = CappedPaginator
    list_per_page = 50
    list_fullwidth = True

    def limited(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """`rows`, of any model, that `request.user` may see or choose."""
        return rows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = QuerySet(self.model, using=everywhere_alias()).order_by(
            *self.get_ordering(request) or self.model._meta.ordering
        )
        return self.limited(request, rows)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        chosen_from = kwargs.get("queryset") or QuerySet(db_field.remote_field.model, using=everywhere_alias())
        return super().formfield_for_foreignkey(
            db_field, request, **{**kwargs, "queryset": self.limited(request, chosen_from)}
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A change writes what was changed: a whole row would undo what others wrote meanwhile."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        changed = {*form.changed_data}
        fields = (field for field in obj._meta.concrete_fields if field.name in changed or _is_stamp(field))
        obj.save(update_fields=[field.name for field in fields])


class ShownOnly:
    """Mixed into a page over rows that nobody edits by hand: it shows them, and has no button that would save."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _is_stamp(field: Any) -> bool:
    """Whether it says when the row was last changed."""
    return bool(getattr(field, "auto_now", False))
