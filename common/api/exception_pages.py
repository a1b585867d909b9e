"""Django's page of an exception, as DEBUG shows it and mails carry it: where it broke, and with nobody's values."""

from __future__ import annotations

from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter


class WithoutValues(SafeExceptionReporterFilter):
    """Names of settings, headers and variables tell enough to find a fault. Django's own filter knows secrets by their
    names alone, and with DEBUG on shows whatever stands in a variable."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_safe_settings(self) -> dict[str, Any]:
        return {}

    def get_safe_request_meta(self, request: HttpRequest | None) -> dict[str, Any]:
        return {}

    def get_safe_cookies(self, request: HttpRequest | None) -> dict[str, Any]:
        return {}

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {}

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> ItemsView[str, Any]:
        nothing: dict[str, Any] = {}
        return nothing.items()


class Reporter(ExceptionReporter):
    """The page without the query either, in which tickets and tokens may stand."""

    def get_traceback_data(self) -> dict[str, Any]:
        found = super().get_traceback_data()
        path = getattr(self.request, "path", "")
        return {**found, "request": None, "request_GET_items": [], "request_insecure_uri": path, "user_str": None}
