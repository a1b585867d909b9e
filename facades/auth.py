"""Who is at a dialect's door: an API key of ours in `x-api-key`, and nothing else."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from sites.keys import find_principal
from sites.principal import Principal


class HeaderKey(BaseAuthentication):
    """`x-api-key: KEY`. An `Authorization` header is not looked at: these dialects have none."""

    def authenticate(self, request: Request) -> tuple[Principal, Principal] | None:
        secret = request.headers.get("x-api-key")
        if secret is None:
            return None
        principal = find_principal(secret)
        return principal, principal

    def authenticate_header(self, request: Request) -> str:
        return "ApiKey"  # without one REST framework answers 403


class HeaderKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "facades.auth.HeaderKey"
    name = "header-key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "x-api-key",
            "description": "A key, only here.",
        }
