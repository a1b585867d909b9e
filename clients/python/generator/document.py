"""The OpenAPI document as the generator sees it: its operations, and its schemas in the shapes a client wants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]

_REF = "#/components/schemas/"
_METHODS = ("get", "post", "put", "patch", "delete")
# What a server checks and a client only passes on; examples are for readers of the document.
_UNTOLD = {
    "example",
    "examples",
    "title",
    "readOnly",
    "writeOnly",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
}
_UNREAD_FORMATS = {"uuid", "uri", "email"}
_CHOICES = re.compile(r"\n*(^\* `.*\n?)+", re.MULTILINE)


@dataclass(frozen=True)
class Operation:
    """One method at one path. `sends` and `answers` name schemas; `pages` is the schema of a list's rows."""

    id: str
    method: str
    path: str
    resource: str
    description: str
    query: Schema
    headers: frozenset[str]
    sends: str | None
    sends_required: bool
    sends_object: bool
    answers: str | None
    pages: str | None
    media_types: frozenset[str]

    @property
    def path_names(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    @property
    def query_name(self) -> str:
        return "".join(word.title() for word in self.id.split("_")) + "Query"


@dataclass
class Document:
    """Read once; `operations` in the document's order."""

    raw: Schema
    operations: list[Operation] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Document:
        raw = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        document = cls(raw)
        document.operations = list(document._operations())
        return document

    def answered(self) -> dict[str, Schema]:
        """Schemas that an answer may hold. A choice may grow: a newer server's word must not break an older client."""
        names = [name for op in self.operations for name in (op.answers, op.pages) if name]
        return {name: _open(_plain(schema)) for name, schema in self._closure([*names, "Error"]).items()}

    def sent(self) -> dict[str, Schema]:
        """Schemas that a request may hold, and one of each operation's query."""
        bodies = self._closure([op.sends for op in self.operations if op.sends])
        queries = {op.query_name: op.query for op in self.operations if op.query}
        return {name: _timely(_plain(schema)) for name, schema in {**bodies, **queries}.items()}

    def _operations(self) -> Iterator[Operation]:
        """Those of the API itself: a dialect has clients of its own."""
        for path, methods in self.raw["paths"].items():
            if not path.startswith("/api/"):
                continue
            for method in _METHODS:
                if method in methods:
                    yield self._operation(path, method, methods[method])

    def _operation(self, path: str, method: str, said: Schema) -> Operation:
        body = said.get("requestBody", {})
        sends = _ref(body.get("content", {}).get("application/json", {}).get("schema", {}))
        good: Schema = next((said["responses"][code] for code in sorted(said["responses"]) if code.startswith("2")), {})
        content = good.get("content", {})
        answers = _ref(content.get("application/json", {}).get("schema", {}))
        return Operation(
            id=said["operationId"],
            method=method.upper(),
            path=path,
            resource=path.removeprefix("/api/").split("/")[0],
            description=said.get("description", "").strip(),
            query=_query(said.get("parameters", [])),
            headers=frozenset(p["name"].lower() for p in said.get("parameters", []) if p["in"] == "header"),
            sends=sends,
            sends_required=bool(body.get("required")),
            sends_object=bool(sends) and self._schema(sends or "").get("type") == "object",
            answers=answers if answers and not self._rows(answers) else None,
            pages=self._rows(answers),
            media_types=frozenset(content),
        )

    def _rows(self, name: str | None) -> str | None:
        """The schema of a page's rows, if `name` is a page's."""
        if name is None or not name.startswith("Paginated"):
            return None
        return _ref(self._schema(name)["properties"]["results"]["items"])

    def _schema(self, name: str) -> Schema:
        schema: Schema = self.raw["components"]["schemas"][name]
        return schema

    def _closure(self, names: list[str]) -> dict[str, Schema]:
        found: dict[str, Schema] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self._schema(name)
                waiting += _refs(found[name])
        return dict(sorted(found.items()))


def _ref(schema: Schema) -> str | None:
    return schema["$ref"].removeprefix(_REF) if "$ref" in schema else None


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(_REF)
        for inner in node.values():
            yield from _refs(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _refs(inner)


def _query(parameters: list[Schema]) -> Schema:
    """An operation's query as one object; {} where it has none. Pages are turned by the client, `cursor` by cursor."""
    told = [
        p for p in parameters if p["in"] == "query" and p["name"] not in {"cursor", "offset", "format", "last_event_id"}
    ]
    if not told:
        return {}
    properties = {p["name"]: {**_one_or_more(p["schema"]), "description": p.get("description", "")} for p in told}
    return {"type": "object", "properties": properties, "required": [p["name"] for p in told if p.get("required")]}


def _one_or_more(schema: Schema) -> Schema:
    """A filter that takes several values takes one, too."""
    if schema.get("type") == "array":
        return {"anyOf": [schema["items"], schema]}
    return {"type": "boolean"} if schema.get("type") == "boolean" else schema


def _plain(node: Any, *, named: bool = False) -> Any:
    """Without what only the server checks. `named`: the keys are fields' names, not JSON Schema's words."""
    if isinstance(node, list):
        return [_plain(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    kept = {
        name: _plain(inner, named=not named and name == "properties")
        for name, inner in node.items()
        if named or not _is_untold(name, inner)
    }
    if not named and isinstance(kept.get("description"), str):
        kept["description"] = _CHOICES.sub("", kept["description"]).strip()
        if not kept["description"]:
            del kept["description"]
    return kept


def _is_untold(name: str, value: Any) -> bool:
    if name == "additionalProperties":
        return value is False
    return name in _UNTOLD or (name == "format" and value in _UNREAD_FORMATS)


def _timely(node: Any) -> Any:
    """A moment may be sent as a text or as a `datetime`."""
    if isinstance(node, list):
        return [_timely(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "date-time":
        types = node["type"] if isinstance(node["type"], list) else [node["type"]]
        rest = {name: inner for name, inner in node.items() if name not in {"type", "format"}}
        moment = {"type": "string", "customTypePath": "datetime.datetime"}
        return {**rest, "anyOf": [moment, *({"type": name} for name in types)]}
    return {name: _timely(inner) for name, inner in node.items()}


def _open(node: Any) -> Any:
    if isinstance(node, list):
        return [_open(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    opened = {name: _open(inner) for name, inner in node.items()}
    if opened.get("type") == "string" and isinstance(opened.get("enum"), list):
        choices = {"type": "string", "enum": opened.pop("enum")}
        opened.pop("type")
        return {**opened, "anyOf": [choices, {"type": "string"}]}
    return opened
