"""What every view of a tenant's rows stands on: one site, one transaction, one answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar

from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from common.api.etag import etag_of, require_match
from common.api.filters import refuse_unknown
from common.tenancy import site_scope
from sites.api.authentication import principal_of
from sites.principal import Principal


class SiteView:
    """Mix in before APIView. From authentication to the rendered answer the handler runs inside `site_scope`.

    It commits when the answer is below 400 and undoes everything otherwise. With `scoped = False` the view opens short
    scopes of its own: nothing may be open across a wait, a stream or a call to a guest.
    """

    scoped: ClassVar[bool] = True
    request: Request
    response: HttpResponseBase

    @property
    def principal(self) -> Principal:
        return principal_of(self.request)

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)  # type: ignore[misc]
        if self.scoped and isinstance(request.auth, Principal):
            self._open.enter_context(site_scope(request.auth.site_id))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            with ExitStack() as self._open:
                response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
                if response.status_code >= 400 and _opened(self._open):
                    connection.set_rollback(True)
                else:
                    _render(response)
        except DatabaseError as refused:  # by the commit itself, such as a deferred foreign key
            answer = self.handle_exception(refused)  # type: ignore[attr-defined]
            response = self.finalize_response(self.request, answer, *args, **kwargs)  # type: ignore[attr-defined]
        if response.status_code >= 400:
            self._render_apart(response)
        return response

    def _render_apart(self, response: HttpResponseBase) -> None:
        """The page of an error may read the site, in a transaction that the fault has not touched."""
        auth = getattr(self.request, "auth", None)
        with ExitStack() as scope:
            if self.scoped and isinstance(auth, Principal):
                scope.enter_context(site_scope(auth.site_id))
            _render(response)


def _render(response: HttpResponseBase) -> None:
    if isinstance(response, Response):
        response.render()


def _opened(stack: ExitStack) -> bool:
    return bool(stack._exit_callbacks)  # type: ignore[attr-defined]


class SiteViewSet(SiteView, GenericViewSet):
    """Rows of the caller's site, by UUID; anything else is the same 404.

    A subclass gives `select()`, its rows for the principal, and the `perform_…` it supports as calls to services.
    """

    lookup_value_converter = "uuid"
    query_parameters: ClassVar[frozenset[str]] = frozenset()
    version_of: ClassVar[Callable[[Any], str | None]] = staticmethod(etag_of)

    def select(self) -> QuerySet[Any]:
        """The rows that the principal may read, in the list's order."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        return self.select()

    def get_object(self) -> Any:
        """The row that the address names; for a change it is locked, and checked against `If-Match`.

        Raises:
            Http404: no such row in this site.
            PreconditionFailed: it has changed since the caller read it.
        """
        if self.request.method in SAFE_METHODS:
            refuse_unknown(self.request, self.query_parameters)
        rows = self.get_queryset()
        if self.request.method not in SAFE_METHODS and self.scoped:
            rows = rows.select_for_update(of=("self",))
        row = get_object_or_404(rows, pk=self.kwargs["pk"])
        if self.request.method not in SAFE_METHODS:
            require_match(self.request, self.version_of(row))
        return row
