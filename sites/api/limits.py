"""The door's count: every request of every view is counted once, before anything else is done for it.

Apart from `throttling.py`, because REST framework reads this page before it has views.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from common import bars
from sites import limits
from sites.api.authentication import key_in
from sites.principal import Principal


class ByCaller(BaseThrottle):
    """Every view's: the limits by key, site and address, once a request."""

    def allow_request(self, request: Request, view: Any) -> bool:
        plain = request._request
        if not hasattr(plain, "rate_limit"):
            principal = request.auth if isinstance(request.auth, Principal) else None
            count_request(plain, principal, key_in(request))
        return True


def count_request(request: HttpRequest, principal: Principal | None, secret: str | None) -> None:
    """Count it, and leave the headers for its answer in `request.rate_limit`.

    Raises:
        RateLimited: too many.
    """
    try:
        request.rate_limit = limits.admit(principal)  # type: ignore[attr-defined]
    except limits.RateLimited as refusal:
        request.rate_limit = refusal.headers  # type: ignore[attr-defined]
        if secret is not None and principal is not None:
            bars.bar(secret, refusal, refusal.headers)
        raise
