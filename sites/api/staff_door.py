"""Where staff need a second factor, no session without one opens the admin: also none from before it was required."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from common.api.middleware import TwoWays
from sites.api.sign_in import VERIFIED

_ADMIN = "/admin/"


class StaffDoor(TwoWays):
    """Behind authentication. Whoever must come in anew is signed out first."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if settings.STAFF_TWO_FACTOR != "required" or not request.path_info.startswith(_ADMIN):
            return cast(HttpResponseBase, self.get_response(request))
        if self.is_async:
            return self._later(request)
        return _refusal(request) or cast(HttpResponseBase, self.get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        refusal = await sync_to_async(_refusal)(request)
        return refusal or cast(HttpResponseBase, await self.get_response(request))


def _refusal(request: HttpRequest) -> HttpResponseBase | None:
    if not getattr(request.user, "is_staff", False) or request.session.get(VERIFIED):
        return None
    logout(request)
    return HttpResponseRedirect(f"{settings.LOGIN_URL}?next={_ADMIN}")
