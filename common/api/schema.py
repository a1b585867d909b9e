"""OpenAPI: what every operation of ours says without being told. Naming, tags, and the errors that apply."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

Direction = Literal["request", "response"]

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_MEANINGS = {
    400: "The request is not valid; `details.fields` says where.",
    401: "No key, or one that is not good.",
    403: "Role or scopes do not allow it.",
    404: "No such thing in this site.",
    409: "It does not fit the present state.",
    412: "`If-Match` names another version.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "Too many for now; `Retry-After` says when.",
    502: "The machine could not do it.",
    503: "Busy or being restarted; `Retry-After` says when.",
    504: "The machine did not answer in time.",
}


class ErrorSerializer(serializers.Serializer):
    """Every answer of 400 and above."""

    error = serializers.CharField(help_text="A sentence for people.")
    code = serializers.CharField(help_text="A word for machines, such as NOT_FOUND.")
    details = serializers.DictField(help_text="What belongs to this code, such as `fields` by name.")
    request_id = serializers.CharField(help_text="What to quote; also in X-Request-ID.")

    class Meta:
        ref_name = "Error"


class Schema(AutoSchema):
    """Operations are named `verb_noun` and tagged by their first noun.

    A view adds statuses of its own as `error_statuses`, for instance `(502, 504)` where a guest is called.
    """

    def get_operation_id(self) -> str:
        nouns = [token.replace("-", "_") for token in self._tokenize_path()]
        if not nouns:
            return "get_root"
        if self.method == "GET" and self._is_list_view():
            return "_".join(["list", *map(_one, nouns[:-1]), nouns[-1]])
        verb = _VERBS[self.method]
        if self.method == "POST" and len(nouns) > 1 and nouns[-1] == _one(nouns[-1]):
            return "_".join([nouns[-1], *map(_one, nouns[:-1])])  # start_instance
        return "_".join([verb, *map(_one, nouns)])

    def get_override_parameters(self) -> list[Any]:
        if "{" in self.path and self.method in {"PUT", "PATCH", "DELETE"}:
            return [OpenApiParameter("If-Match", str, "header", description="The ETag of the version to change.")]
        return []

    def _tokenize_path(self) -> list[str]:
        return [part for part in super()._tokenize_path() if part != "api"]

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        component = self.resolve_serializer(ErrorSerializer(), direction)
        for status in self._error_statuses():
            bodies.setdefault(str(status), _error(component.ref, _MEANINGS[status]))
        return dict(sorted(bodies.items()))

    def _error_statuses(self) -> list[int]:
        statuses = {400, 503, *getattr(self.view, "error_statuses", ())}
        if getattr(self.view, "authentication_classes", None) and _closed(self.view):
            statuses |= {401, 403}
        if "{" in self.path:
            statuses.add(404)
            if self.method in {"PUT", "PATCH", "DELETE"}:
                statuses.add(412)
        if self.method != "GET":
            statuses |= {409, 429}
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses |= {413, 415}
        return sorted(statuses)


def _one(noun: str) -> str:
    """The singular of a noun of ours; none of them is irregular."""
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    return noun[:-1] if noun.endswith("s") and not noun.endswith("ss") else noun


def _closed(view: Any) -> bool:
    return any(permission.__name__ != "AllowAny" for permission in view.permission_classes)


def _error(ref: dict[str, Any], meaning: str) -> dict[str, Any]:
    return {"description": meaning, "content": {"application/json": {"schema": ref}}}
