"""The router of every app: no trailing slash (SaneRequest takes it off), and details by UUID only."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter


class Router(SimpleRouter):
    """`/things`, `/things/{id}` and what a viewset adds with `@action`."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=False, use_regex_path=False)
