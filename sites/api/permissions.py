"""Whether a principal may do what the view declares: scopes per method, or one for all of them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from common.errors import Forbidden
from sites.principal import Principal

_UNSAID = object()


class ScopeMissing(exceptions.PermissionDenied):
    """REST framework's own kind, so that a browsable page hides the form instead of failing."""

    def __init__(self, scope: str) -> None:
        super().__init__(Forbidden.message)
        self.details_of_refusal = {"scope": scope}


class HasScope(BasePermission):
    """A view says `scopes = {"GET": "instances:read", …}`, or `required_scope`, where None means any principal.

    A view that says neither is closed. With `site_optional`, somebody signed in need not have named a site.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        principal = request.auth
        if not isinstance(principal, Principal):
            return bool(getattr(view, "site_optional", False) and request.user is not None)
        scope = _wanted(request.method or "GET", view)
        if scope is not None and scope not in principal.scopes:
            raise ScopeMissing(scope)
        return True


def _wanted(method: str, view: Any) -> str | None:
    scope = getattr(view, "required_scope", _UNSAID)
    if scope is not _UNSAID:
        return str(scope) if scope is not None else None
    scopes: dict[str, str | None] = getattr(view, "scopes", {})
    method = "GET" if method == "HEAD" else method
    if method in scopes:
        return scopes[method]
    if method == "OPTIONS" or method.lower() not in view.http_method_names or not hasattr(view, method.lower()):
        return None
    raise ImproperlyConfigured(f"{type(view).__name__} names no scope for {method}")
