"""What Django answers when no view did: for a urlconf's `handler400`, `handler403`, `handler404` and `handler500`."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from common.api.errors import answer
from common.api.exceptions import error_of
from common.errors import NotFound, PlatformError, Unavailable


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400`: Django itself found the request unacceptable (a host it does not know, a broken form)."""
    return answer(400, "The request is not valid.", "INVALID")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`."""
    return answer(403, "You may not do that.", "FORBIDDEN")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404`: the same body as for a row that does not exist."""
    return answer(404, NotFound.message, NotFound.code)


@csrf_exempt
def unknown_route(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
    """A view for the last route of all, `re_path(r"^(api|v1)/", unknown_route)`: right with DEBUG on, too."""
    return answer(404, NotFound.message, NotFound.code)


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`: a lost database is said to be one, so that clients come back; all else is ours to mend."""
    error = sys.exc_info()[1]
    known = error_of(error) if isinstance(error, Exception) else None
    if isinstance(known, Unavailable):
        return answer(known.status, known.message, known.code, headers={"Retry-After": "2"})
    return answer(500, PlatformError.message, PlatformError.code)
