"""Django's requests, which can be made whatever a client says it sends, and which are read as UTF-8.

A handler makes its request before any middleware is asked, so what fails there is nobody's to answer.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest
from django.utils.http import parse_header_parameters

Handler = TypeVar("Handler", WSGIHandler, ASGIHandler)


class _AnyType(HttpRequest):
    """Its own would read the query at once, by whichever of Python's codecs the client has named."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """What cannot be understood is no type: `SaneRequest` refuses it."""
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}


class AnyWSGIRequest(_AnyType, WSGIRequest):
    pass


class AnyASGIRequest(_AnyType, ASGIRequest):
    pass


def taking_any(handler: Handler) -> Handler:
    """`handler`, which makes such requests from now on."""
    handler.request_class = AnyWSGIRequest if isinstance(handler, WSGIHandler) else AnyASGIRequest
    return handler
