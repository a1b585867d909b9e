"""Forms for people: what an operation takes, by the OpenAPI document, as fields. A page's script sends them as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.browsable.document import Described, resolved

LONG_TEXT = 300
_PAGING = {"limit", "offset", "cursor", "count"}


@dataclass(frozen=True, slots=True)
class Field:
    """One input. `kind` is text, long, password, number, choice, choices or json; `value` is what it begins with."""

    name: str
    kind: str
    help: str = ""
    required: bool = False
    choices: list[str] = field(default_factory=list)
    value: str = ""
    chosen: list[str] = field(default_factory=list)
    json_type: str = "string"
    least: Any = None
    most: Any = None


@dataclass(frozen=True, slots=True)
class Variant:
    """The fields of one kind of body; `name` is told apart by the field `tag`, both empty where there is one kind."""

    name: str
    help: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Form:
    """What a page offers to send. `variants` is empty where the operation takes no body."""

    method: str
    url: str
    title: str
    help: str
    variants: list[Variant]
    tag: str = ""
    chosen: str = ""


def form_of(operation: Described, method: str, url: str, title: str, known: Mapping[str, Any]) -> Form:
    """`known`: the row that is to be changed, whose values the fields begin with."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = _with_kinds(resolved(content.get("schema", {})))
    examples = [example["value"] for example in content.get("examples", {}).values() if isinstance(example, dict)]
    examples = [example for example in examples if isinstance(example, dict)]
    tag = schema.get("discriminator", {}).get("propertyName", "")
    if tag:
        variants = [_variant(name, ref, tag, examples) for name, ref in schema["discriminator"]["mapping"].items()]
        chosen = str(examples[0].get(tag, "")) if examples else variants[0].name
        return Form(method, url, title, _plain(operation.get("description", "")), variants, tag, chosen)
    variants = [Variant("", "", _fields(schema, known))] if schema.get("properties") else []
    return Form(method, url, title, _plain(operation.get("description", "")), variants)


def _with_kinds(schema: Described) -> Described:
    """Of several bodies that an operation takes, the one whose kinds are told apart by a field: a form is for one."""
    bodies = [resolved(choice) for choice in schema.get("anyOf", ())]
    return (
        next((body for body in bodies if "discriminator" in body), schema) if "discriminator" not in schema else schema
    )


def filters_of(operation: Described, query: Mapping[str, list[str]]) -> list[Field]:
    """The query parameters of a list, filled in as the page was asked for."""
    fields = []
    for parameter in operation.get("parameters", ()):
        if parameter["in"] != "query" or parameter["name"] in _PAGING:
            continue
        name, given = parameter["name"], query.get(parameter["name"], [])
        made = _field(name, {**parameter["schema"], "description": parameter.get("description", "")}, given)
        fields.append(made)
    return fields


def _variant(name: str, ref: str, tag: str, examples: list[Described]) -> Variant:
    schema = resolved({"$ref": ref})
    example = next((example for example in examples if example.get(tag) == name), {})
    fields = [made for made in _fields(schema, example) if made.name != tag]
    return Variant(name, _plain(schema.get("description", "")), fields)


def _fields(schema: Described, known: Mapping[str, Any]) -> list[Field]:
    required = set(schema.get("required", ()))
    properties = {name: part for name, part in schema["properties"].items() if not resolved(part).get("readOnly")}
    ordered = sorted(properties, key=lambda name: name not in required)
    return [
        _field(name, properties[name], known.get(name), required=name in required)
        for name in ordered
        if name != "site_id"  # the page is one site's already
    ]


def _field(name: str, schema: Described, value: Any, *, required: bool = False) -> Field:
    schema = resolved(schema)
    kind, json_type, choices = _kind(name, schema)
    if value is None:
        value = schema.get("default")
    values = [_text(item) for item in value] if isinstance(value, list) else []
    return Field(
        name=name,
        kind=kind,
        help=_first_lines(schema.get("description", "")),
        required=required,
        choices=choices,
        value=_begin(kind, value, choices, json_type),
        chosen=values if kind == "choices" else [],
        json_type=json_type,
        least=schema.get("minimum"),
        most=schema.get("maximum"),
    )


def _kind(name: str, schema: Described) -> tuple[str, str, list[str]]:
    """(the kind of input, the JSON type of what it makes, what may be chosen)."""
    types = [one for one in _as_list(schema.get("type")) if one != "null"]
    json_type = types[0] if types else "string"
    items = resolved(schema.get("items", {})) if json_type == "array" else {}
    match json_type:
        case "array" if "enum" in items:
            return "choices", json_type, [str(item) for item in items["enum"] if item]
        case "array" | "object":
            return "json", json_type, []
        case "boolean":
            return "choice", json_type, ["true", "false"]
        case "integer" | "number":
            return "number", json_type, []
    if "enum" in schema:
        return "choice", json_type, [str(item) for item in schema["enum"] if item not in (None, "")]
    if name == "password":
        return "password", json_type, []
    long = schema.get("maxLength", 0) > LONG_TEXT or ("maxLength" not in schema and name in {"description", "text"})
    return ("long" if long else "text"), json_type, []


def _begin(kind: str, value: Any, choices: list[str], json_type: str) -> str:
    if kind == "choices" or value in (None, [], {}):
        return ""
    if kind == "json":
        # Names of sealed values come back as a list where an object is taken: they are no value to begin with.
        return json.dumps(value) if isinstance(value, dict if json_type == "object" else list) else ""
    text = _text(value[0] if isinstance(value, list) else value)
    return text if kind != "choice" or text in choices else ""


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _first_lines(description: str) -> str:
    """Without the list of choices, which the input shows by itself."""
    return _plain(description.partition("* `")[0].strip())


def _plain(description: str) -> str:
    """Of the document's Markdown these texts have the marks of code alone, which a form would show as they are."""
    return description.replace("`", "")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []
