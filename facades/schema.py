"""OpenAPI of the dialects: their own error bodies and no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drf_spectacular.openapi import AutoSchema

from common.api.schema import Direction, Schema


@dataclass(frozen=True, slots=True)
class Refused:
    """How a refusal looks: in words, and an example of its body."""

    meaning: str
    schema: dict[str, Any]
    example: dict[str, Any]


class DialectSchema(Schema):
    """An operation answers what its dialect's page lists; which that is, the view says as `refusals`."""

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = AutoSchema._get_response_bodies(self, direction)  # type: ignore[no-untyped-call]
        for status, refused in _refusals(self.view).items():
            content = {"application/json": {"schema": refused.schema, "example": refused.example}}
            bodies[str(status)] = {"description": refused.meaning, "content": content}
        return dict(sorted(bodies.items()))


def _refusals(view: Any) -> dict[int, Refused]:
    found: dict[int, Refused] = view.refusals
    return found
