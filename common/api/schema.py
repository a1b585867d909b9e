"""OpenAPI: what every operation of ours says without being told. Naming, tags, and the errors that apply."""

from __future__ import annotations

from copy import copy
from typing import Any, Literal

from drf_spectacular.drainage import get_override
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from common.errors import (
    Conflict,
    Forbidden,
    GuestFailed,
    GuestSilent,
    Invalid,
    NotFound,
    NotSetUp,
    NotSignedIn,
    PlatformError,
    PreconditionFailed,
    TooMany,
    Unavailable,
)

Direction = Literal["request", "response"]

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_FAULTS: dict[int, tuple[str, PlatformError]] = {
    400: (
        "The request is not valid; `details.fields` says where.",
        Invalid("name: This field is required.", fields={"name": ["This field is required."]}),
    ),
    401: ("No key, or one that is not good.", NotSignedIn()),
    403: ("Role or scopes do not allow it.", Forbidden(scope="instances:write")),
    404: ("No such thing in this site.", NotFound()),
    406: ("`Accept` names nothing that this answers.", PlatformError("Nothing to accept.", code="NOT_ACCEPTABLE")),
    408: ("The time is over.", PlatformError("Not within the time.", code="WAIT_TIMEOUT")),
    409: ("It does not fit the present state.", Conflict(status="deleting")),
    411: ("The body came without its length.", PlatformError("Say the body's length.", code="LENGTH_REQUIRED")),
    412: ("`If-Match` names another version.", PreconditionFailed()),
    413: ("The body is too large.", PlatformError("The body is too large.", code="TOO_LARGE", max_bytes=2_097_152)),
    415: ("The body is not JSON.", PlatformError("Send JSON.", code="UNSUPPORTED_MEDIA_TYPE")),
    429: ("Too many for now; `Retry-After` says when.", TooMany()),
    501: ("This deployment cannot do it.", NotSetUp(code="NO_FFMPEG")),
    502: ("The machine could not do it.", GuestFailed()),
    503: ("Busy or being restarted; `Retry-After` says when.", Unavailable()),
    504: ("The machine did not answer in time.", GuestSilent()),
}
_RETRIED = {429, 503}
_IF_MATCH = OpenApiParameter("If-Match", str, "header", description="The ETag of the version to change.")
_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "header",
    description="1 to 255 visible ASCII characters. The same key with the same body within 24 hours gets the same "
    "answer and does nothing again; with another body, 409.",
)
_UNTOLD = {"Which field to use when ordering the results.", "A search term."}
_TOLD = {
    "ordering": "One or more of {}, with commas between; `-` in front for downwards.",
    "search": "Words that must all occur in {}.",
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
        once = [_IDEMPOTENCY_KEY] if self.method == "POST" and getattr(self.view, "idempotent", False) else []
        return [*([_IF_MATCH] if self._changes_a_version() else []), *once]

    def _changes_a_version(self) -> bool:
        if "{" not in self.path or self.method == "GET":
            return False
        return self.method != "POST" or bool(getattr(self.view, "detail", False))

    def _get_filter_parameters(self) -> list[dict[str, Any]]:
        """With the names that this list can be ordered by and is searched in; neither, where it names none."""
        found: list[dict[str, Any]] = super()._get_filter_parameters()  # type: ignore[no-untyped-call]
        return [parameter for parameter in found if self._means_something(parameter)]

    def _means_something(self, parameter: dict[str, Any]) -> bool:
        named = {"ordering": "ordering_fields", "search": "search_fields"}.get(parameter["name"])
        if named is None or parameter["description"] not in _UNTOLD:
            return True
        fields = ", ".join(f"`{field.replace('__', '.')}`" for field in getattr(self.view, named, None) or ())
        parameter["description"] = _TOLD[parameter["name"]].format(fields)
        return bool(fields)

    def _get_request_for_media_type(self, serializer: Any, direction: Direction = "request") -> Any:
        """Nothing is required of a PUT: it changes what was sent, as PATCH does."""
        serializer = copy(force_instance(serializer))  # type: ignore[no-untyped-call]
        if self.method == "PUT" and isinstance(serializer, serializers.Serializer):
            serializer.partial = True
        return super()._get_request_for_media_type(serializer, direction)  # type: ignore[no-untyped-call]

    def _tokenize_path(self) -> list[str]:
        return [part for part in super()._tokenize_path() if part != "api"]

    def get_extensions(self) -> dict[str, Any]:
        """`x-scope`: what the caller must be allowed; absent where any caller, or nobody in particular, may."""
        scope = getattr(self.view, "scopes", {}).get(self.method)
        return {**super().get_extensions(), **({"x-scope": scope} if scope else {})}

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        self.resolve_serializer(ErrorSerializer(), direction)
        for status in self._error_statuses():
            bodies.setdefault(str(status), {"$ref": f"#/components/responses/Error{status}"})
        return dict(sorted(bodies.items()))

    def _get_examples(
        self,
        serializer: Any,
        direction: Direction,
        media_type: str,
        status_code: str | None = None,
        extras: list[Any] | None = None,
    ) -> Any:
        """A serializer's own examples count where the view has none of this direction, not only where it has none."""
        found = super()._get_examples(serializer, direction, media_type, status_code, extras)  # type: ignore[no-untyped-call]
        if found or extras:
            return found
        own = get_override(serializer, "examples", [])
        return super()._get_examples(serializer, direction, media_type, status_code, own)  # type: ignore[no-untyped-call]

    def _error_statuses(self) -> list[int]:
        statuses = {400, 404, 406, 503, *getattr(self.view, "error_statuses", ())}
        if getattr(self.view, "authentication_classes", None):
            # A bad key is told so at an open door, too; and any of them may be asked for a site that is another's.
            statuses |= {401, 403} if _closed(self.view) else {401}
        if self._changes_a_version():
            statuses.add(412)
        if self.method != "GET":
            statuses |= {408, 409, 429}
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses |= {411, 413, 415}
        return sorted(statuses)


def describe_errors(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's POSTPROCESSING_HOOKS: what each error answer looks like, once for all operations."""
    described = {f"Error{status}": _described(status) for status in _FAULTS}
    result["components"]["responses"] = described
    return result


def _described(status: int) -> dict[str, Any]:
    meaning, fault = _FAULTS[status]
    example = {"error": fault.message, "code": fault.code, "details": fault.details, "request_id": "7d5a6fd0c1a94d0f"}
    described: dict[str, Any] = {
        "description": meaning,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}},
    }
    if status in _RETRIED:
        described["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return described


def _one(noun: str) -> str:
    """The singular of a noun of ours; none of them is irregular."""
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    return noun[:-1] if noun.endswith("s") and not noun.endswith("ss") else noun


def _closed(view: Any) -> bool:
    return any(permission.__name__ != "AllowAny" for permission in view.permission_classes)
