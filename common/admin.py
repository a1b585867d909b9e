"""The admin's way to the rows: every query of its pages runs as crew, in one transaction a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from unfold.admin import ModelAdmin

from common.errors import PlatformError
from common.tenancy import CREW

Page = TypeVar("Page", bound=Callable[..., HttpResponseBase])

_in_admin: ContextVar[bool] = ContextVar("in_admin", default=False)


class AdminRouter:
    """Sends what an admin page asks for to crew, where no alias was named; and the admin's own history, always.

    Django's admin asks the router in a dozen places of its own: forms, deletions, the history.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return CREW if _in_admin.get() or model is LogEntry else None

    db_for_write = db_for_read

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        return True  # every alias is the same database


@contextmanager
def as_crew() -> Iterator[None]:
    """For a page of the admin: one transaction of the role that sees every site."""
    token = _in_admin.set(True)
    try:
        with transaction.atomic(using=CREW):
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


class CrewAdmin(ModelAdmin):
    """An admin page over rows of every site. `limited` is where a subclass narrows them to what the user may see."""

    show_full_result_count = False

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

    @crew_page
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
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

    @crew_page
    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return cast(HttpResponseBase, super().delete_view(request, *args, **kwargs))

    @crew_page
    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return cast(HttpResponseBase, super().history_view(request, *args, **kwargs))
