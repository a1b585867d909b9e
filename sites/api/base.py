"""What every view of a tenant's rows stands on: one site, one transaction, one answer."""

from __future__ import annotations

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
from sites.api.idempotency import AnswersOnce
from sites.idempotency import InFlight
from sites.principal import Principal


class SiteView(AnswersOnce):
    """From the door to the rendered answer the handler runs inside `site_scope`.

    It commits when the answer is below 400 and undoes everything otherwise. With `scoped = False` the view opens short
    scopes of its own: nothing may be open across a wait, a stream or a call to a guest.
    """

    scoped: ClassVar[bool] = True
    site_in_path: ClassVar[bool] = False

    @property
    def principal(self) -> Principal:
        return principal_of(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who asks, and whether they may, is decided before a transaction is open."""
        super().initial(request, *args, **kwargs)
        self.begin_once(request)
        if self.scoped and isinstance(request.auth, Principal):
            self._scope.enter_context(site_scope(request.auth.site_id))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = self._dispatch_in_scope(request, *args, **kwargs)
            if response.status_code >= 400:
                self._render_apart(response)
                self.keep_answer(response)
            return response
        finally:
            self.give_up_key()

    def _dispatch_in_scope(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            with ExitStack() as self._scope:
                response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
                if response.status_code < 400:
                    _render(response)
                    self.keep_answer(response)
                elif connection.in_atomic_block:
                    connection.set_rollback(True)
        except (DatabaseError, InFlight) as refused:  # by the commit itself, such as a deferred foreign key
            self.forget_kept()
            answer = self.handle_exception(refused)
            response = self.finalize_response(self.request, answer, *args, **kwargs)
        return response

    def _render_apart(self, response: HttpResponseBase) -> None:
        """The page of an error may read the site, in a transaction that the fault has not touched."""
        with ExitStack() as scope:
            auth = getattr(self.request, "_auth", None)
            if self.scoped and isinstance(auth, Principal) and response.status_code < 500:
                scope.enter_context(site_scope(auth.site_id))
            _render(response)


class SiteOwnedViewSet(SiteView, GenericViewSet):
    """Rows of the caller's site, by UUID; anything else is the same 404.

    A subclass gives `select()`, and mixes in what it offers from below and from REST framework.
    """

    lookup_value_converter = "uuid"
    query_parameters: ClassVar[frozenset[str]] = frozenset()

    def select(self) -> QuerySet[Any]:
        """The rows that the principal may read, in the list's order."""
        raise NotImplementedError

    def version_of(self, row: Any) -> str | None:
        """The row's ETag, or None where it has no version."""
        return etag_of(row)

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            serializer_class: Any = self.get_serializer_class()
            return QuerySet(serializer_class.Meta.model, using="default").none()
        return self.select()

    def get_object(self) -> Any:
        """The row that the address names; for a change it is locked, and checked against `If-Match`.

        Raises:
            Http404: no such row in this site.
            PreconditionFailed: it has changed since the caller read it.
        """
        rows = self.get_queryset()
        if self.request.method in SAFE_METHODS:
            refuse_unknown(self.request, self.query_parameters)
            return get_object_or_404(rows, pk=self.kwargs["pk"])
        if self.scoped:
            rows = rows.select_for_update(of=("self",), no_key=True)
        row = get_object_or_404(rows, pk=self.kwargs["pk"])
        require_match(self.request, self.version_of(row))
        return row

    def valid(self, serializer_class: type[Any] | None = None, row: Any = None) -> dict[str, Any]:
        """The request's body as the serializer reads it; for an existing `row`, whichever fields were sent."""
        kwargs = {"data": self.request.data, "partial": row is not None}
        serializer = (
            serializer_class(row, context=self.get_serializer_context(), **kwargs)
            if serializer_class
            else self.get_serializer(row, **kwargs)
        )
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def answer(self, row: Any, *, status: int = 200) -> Response:
        """`row` as the view's serializer shows it, with its ETag."""
        etag = self.version_of(row)
        return Response(self.get_serializer(row).data, status=status, headers={"ETag": etag} if etag else None)


class Shows(SiteOwnedViewSet):
    """GET of one row."""

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(self.get_object())


class Changes(SiteOwnedViewSet):
    """PUT and PATCH, which are the same: the fields that were sent are changed. `perform_update` is the service."""

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        return self.answer(self.perform_update(row, self.valid(row=row)))

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    def perform_update(self, row: Any, changes: dict[str, Any]) -> Any:
        raise NotImplementedError


def _render(response: HttpResponseBase) -> None:
    if isinstance(response, Response):
        response.render()
