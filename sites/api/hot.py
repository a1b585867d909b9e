"""The short way to a view's GET: for requests with a key and nothing unusual, answered by PostgreSQL's own JSON.

It answers or it passes: whatever it is not sure of goes the ordinary way, which alone knows how to refuse.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import uuid4

from django.db import Error, connection
from django.db.models import Expression, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from common.api.errors import refused
from common.api.etag import etag_of
from common.api.hotlist import EMPTY, Asked, HotList
from common.api.rowsql import columns_of
from common.errors import PlatformError
from common.prepared import read_in_site
from sites.api.authentication import key_in
from sites.api.base import SiteOwnedViewSet
from sites.api.limits import count_request
from sites.keys import find_principal
from sites.limits import RateLimited
from sites.principal import Principal

logger = logging.getLogger(__name__)

LONGEST_QUERY = 1000
_JSON = frozenset({"", "*/*", "application/json", "application/json, */*"})
_ORDINARY = frozenset({"format", "site_id", "ticket", "search"})  # no index serves a search: it may be cut short
_HOT_ACTIONS = ("list", "retrieve")
# In what is compiled for everybody these stand for whoever asks, and for the row that is named; no row has them.
_SITE, _USER, _AGENT, _KEY, _NAMED = uuid4(), uuid4(), uuid4(), uuid4(), uuid4()

View = Callable[..., HttpResponseBase]


class Hot(SiteOwnedViewSet):
    """A viewset whose `list` and `retrieve` have a short way. `computed` has the SQL of what is no column.

    Where `empty_is_unsure`, a list without rows goes the ordinary way, which knows whether what it belongs to exists.
    """

    computed: ClassVar[Mapping[str, Expression]] = {}
    empty_is_unsure: ClassVar[bool] = False
    scopes: ClassVar[dict[str, str | None]]

    def select_by_statement(self) -> QuerySet[Any]:
        """What `select` gives, in a form that asks the database nothing while the statement is put together."""
        return self.get_queryset()

    @classmethod
    def finished(cls, body: bytes, principal: Principal) -> bytes:
        """One row's JSON as `retrieve` answers it: where that adds what is not in the database, so must this."""
        return body

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> View:  # type: ignore[override]
        view: View = super().as_view(actions, **initkwargs)
        action = (actions or {}).get("get")
        if action not in _HOT_ACTIONS:
            return view
        allowed = ", ".join([*(method.upper() for method in actions), "HEAD", "OPTIONS"])

        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return short(cls, action, request, kwargs, allowed) or view(request, *args, **kwargs)

        answer.__dict__.update(view.__dict__)  # what urls, the schema and the CSRF check read from a view
        return answer


def _caller(request: HttpRequest, scope: str | None) -> Principal | None:
    """Who asks with a key, counted; None: nobody, or somebody who may not, which the ordinary way says.

    Raises:
        RateLimited: they ask too often.
        Error: PostgreSQL, as `find_principal` meets it.
    """
    secret = key_in(request)
    if not secret:
        return None
    try:
        principal = find_principal(secret, notes_failure=False)
    except (PlatformError, APIException):
        return None
    if scope not in principal.scopes:
        return None
    count_request(request, principal, secret)
    return principal


def short(
    view: type[Hot], action: str, request: HttpRequest, kwargs: Mapping[str, Any], allowed: str
) -> HttpResponse | None:
    """The answer, or None: go the ordinary way, where the refusals and the rare cases are."""
    if not _is_usual(request):
        return None
    try:
        principal = _caller(request, view.scopes["GET"])
        return _answer(view, action, request, kwargs, principal, allowed) if principal is not None else None
    except RateLimited as refusal:
        return refused(refusal)
    except (PlatformError, APIException):
        return None
    except Error as error:
        logger.warning("the short way failed: %s", error)
        connection.close()  # what a broken connection means is for the ordinary way to say, over a new one
        return None


def _wants_json(request: HttpRequest) -> bool:
    """Whether plain JSON is the answer, for the one site of the key."""
    return request.META.get("HTTP_ACCEPT", "") in _JSON and "HTTP_X_SITE" not in request.META


def _is_usual(request: HttpRequest) -> bool:
    query = request.META.get("QUERY_STRING", "")
    return (
        request.method == "GET"
        and _wants_json(request)
        and len(query) <= LONGEST_QUERY
        and not (query and not _ORDINARY.isdisjoint(request.GET))
    )


def _answer(
    view: type[Hot], action: str, request: HttpRequest, kwargs: Mapping[str, Any], principal: Principal, allowed: str
) -> HttpResponse | None:
    asked = Asked(
        kind=(principal.role, principal.scopes, principal.agent_id is None, principal.key_id is None),
        rows=partial(_rows, view, action, request, principal),
        values={
            _SITE: principal.site_id,
            _USER: principal.user_id,
            _AGENT: principal.agent_id,
            _KEY: principal.key_id,
            _NAMED: kwargs.get("pk"),
        },
        read=partial(read_in_site, principal.site_id),
    )
    headers = {"Allow": allowed, "Vary": "Accept"}
    if action == "list":
        body = _hot(view).page(request.GET, request.path, asked)
        if body is not None and view.empty_is_unsure and body.endswith(EMPTY):
            return None
        return None if body is None else HttpResponse(body, content_type="application/json", headers=headers)
    found = None if request.GET else _hot(view).one(kwargs["pk"], asked)
    if found is None:
        return None
    body, pk, updated_at = found
    body = view.finished(body, principal)
    headers["ETag"] = etag_of(SimpleNamespace(pk=pk, updated_at=updated_at)) or ""
    return HttpResponse(body, content_type="application/json", headers=headers)


@cache
def _hot(view: type[Hot]) -> HotList:
    assert view.serializer_class is not None
    return HotList(columns_of(view.serializer_class, view.computed))


def _rows(view_class: type[Hot], action: str, request: HttpRequest, principal: Principal) -> QuerySet[Any]:
    """What the view itself would list, asked by somebody of no particular site."""
    anybody = Principal(
        site_id=_SITE,
        user_id=_USER,
        role=principal.role,
        scopes=principal.scopes,
        via="key",
        agent_id=principal.agent_id and _AGENT,
        key_id=principal.key_id and _KEY,
    )
    view: Any = view_class()
    view.request = Request(request)
    view.request.user, view.request.auth = anybody, anybody
    view.action, view.kwargs, view.format_kwarg = action, {"pk": _NAMED}, None
    rows: QuerySet[Any] = view.select_by_statement()
    return rows if action == "retrieve" else view.filter_queryset(rows)
