"""The OpenAPI document made by one thread at a time."""

from __future__ import annotations

from threading import Lock
from typing import Any

from drf_spectacular.generators import SchemaGenerator

_ALONE = Lock()


class Generator(SchemaGenerator):
    """drf-spectacular's own, which keeps on its classes what it has found so far: two at once trip over each other."""

    def get_schema(self, request: Any = None, public: bool = False) -> dict[str, Any]:
        with _ALONE:
            made: dict[str, Any] = super().get_schema(request, public)  # type: ignore[no-untyped-call]
            return made
