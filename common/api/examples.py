"""Examples for the OpenAPI document: of every body that has none of its own, made from its schema.

What a room says beside its serializers (`OpenApiExample`) stays as it is. A test holds every example to its schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

MOMENT = "2026-05-04T09:30:00.000000Z"
EVENT_STREAM = 'id: 7\ndata: {"number": 7, "kind": "guest_ready", "status": "running"}\n\n'

# What a value looks like whose schema only says "a string", by the field's name.
_TEXTS = {
    "name": "Ada",
    "title": "Fetch the invoices of May",
    "description": "Counts what others guess.",
    "message": "Signed in.",
    "password": "correct horse battery",
    "token": "TOKEN-FROM-THE-LETTER",
    "url": "https://hooks.example.com/desks",
    "events": "instance.guest_ready",
    "secret": "whsec_U0hPV04tVEhJUy1PTkNFLUFORC1OT1QtQUdBSU4hIQ==",
    "ticket": "ticket_SHOWN-THIS-ONCE",
    "api_key": "keyabcdefghijkl_SHOWN-THIS-ONCE",
    "prefix": "keyabcdefghijkl",
    "time_zone": "Europe/Berlin",
    "scopes": "instances:read",
    "tools_enabled": "bash",
    "environment_variables": "LANG",
    "provider": "local",
    "kind": "guest_ready",
    "tool_name": "bash",
    "tool_call_id": "call-1",
    "request_id": "7d5a6fd0c1a94d0f9c3f4d1e2b3a4c5d",
    "version": "0.1.0",
}
# Values that say more than the first that would fit.
_VALUES: Schema = {
    "count": 1,
    "is_error": False,
    "status_reason": "",
    "error_message": "",
    "total_commands_executed": 0,
}
# The last digits tell the ids of one example apart.
_IDS = {
    "id": "01",
    "site_id": "aa",
    "instance_id": "bb",
    "user_id": "cc",
    "created_by": "cc",
    "invited_by": "cc",
    "agent_id": "dd",
    "key_id": "ee",
    "log_id": "ff",
}


def sample_id(name: str) -> str:
    """The UUID that stands for the field `name` in every example."""
    return f"019b1c2d-7e8f-7000-8000-0000000000{_IDS.get(name, '99')}"


def bodies(document: Schema) -> Iterator[tuple[str, bool, str, Schema]]:
    """Every body of the document: its operation's name, whether it is sent, its media type, and its description."""
    for operation in operations(document):
        for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
            yield operation["operationId"], True, media_type, body
        for response in operation["responses"].values():
            for media_type, body in response.get("content", {}).items():
                yield operation["operationId"], False, media_type, body


def operations(document: Schema) -> Iterator[Schema]:
    """Every operation of the document."""
    for methods in document["paths"].values():
        yield from (operation for name, operation in methods.items() if name != "parameters")


def complete(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """drf-spectacular's POSTPROCESSING_HOOKS: give an example to every body that has none."""
    schemas = result["components"]["schemas"]
    for _, is_request, media_type, body in bodies(result):
        if "example" in body or "examples" in body:
            continue
        if media_type == "application/json":
            body["example"] = Sampler(schemas, is_request=is_request).of(body["schema"])
        elif media_type == "text/event-stream":
            body["example"] = EVENT_STREAM
    return result


class Sampler:
    """Values that fit schemas. In an answer what may be null is; a request has what it needs and what is never null."""

    def __init__(self, schemas: Schema, *, is_request: bool) -> None:
        self._schemas = schemas
        self._is_request = is_request

    def of(self, schema: Schema, name: str = "") -> Any:
        """A value of `schema`, which is that of the field `name`."""
        if "$ref" in schema:
            return self.of(self._schemas[schema["$ref"].rpartition("/")[2]], name)
        for said in ("example", "default", "const"):
            if said in schema:
                return schema[said]
        if name in _VALUES:
            return _VALUES[name]
        if _nullable(schema):
            return None
        if "enum" in schema:
            return schema["enum"][0]
        for choice in ("allOf", "oneOf", "anyOf"):
            if choice in schema:
                return self.of(schema[choice][0], name)
        return self._of_type(schema, name)

    def _of_type(self, schema: Schema, name: str) -> Any:
        match schema.get("type"):
            case "object":
                return self._object(schema)
            case "array":
                return [self.of(schema["items"], name)] if schema["items"] else []
            case "boolean":
                return True
            case "integer":
                return schema.get("minimum", 1)
            case "number":
                return float(schema.get("minimum", 12.5))
            case "string":
                return _text(schema, name)
        return {}

    def _object(self, schema: Schema) -> Schema:
        needed = schema.get("required", ())
        return {
            name: self.of(inner, name)
            for name, inner in schema.get("properties", {}).items()
            if name in needed or not self._is_request or not _nullable(inner)
        }


def _nullable(schema: Schema) -> bool:
    types = schema.get("type")
    choices = schema.get("anyOf") or schema.get("oneOf") or ()
    return (isinstance(types, list) and "null" in types) or any(choice.get("type") == "null" for choice in choices)


def _text(schema: Schema, name: str) -> str:
    match schema.get("format"):
        case "uuid":
            return sample_id(name)
        case "date-time":
            return MOMENT
        case "email":
            return "ada@example.com"
        case "uri":
            return "https://example.com/"
    return _TEXTS.get(name, "text")
