"""`python -m orchestrator.reference`: docs/openapi.yaml in, the reference page for people out, on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

Words = dict[str, Any]

_METHODS = ["get", "post", "put", "patch", "delete"]
_HEAD = """\
# Reference

Every operation of the API, made from [openapi.yaml](openapi.yaml) by `make schema`; do not edit it by hand. `/api/docs`
of a running platform shows the same to try. How things hang together is told in [instances.md](instances.md),
[logs.md](logs.md), [plans.md](plans.md) and [roles.md](roles.md).

Lists answer `{count, next, previous, results}` with `limit` and `offset`, or page by page with `cursor`. Send a key as
`Authorization: Bearer KEY`. Times are UTC; ids are UUIDs.
"""


def page(document: Words) -> str:
    """The reference as Markdown, by tag in the document's order."""
    operations = sorted(_operations(document), key=lambda found: found[2]["tags"][0])
    lines = [_HEAD]
    for tag, found in groupby(operations, key=lambda found: found[2]["tags"][0]):
        lines += [f"## {tag.capitalize()}", ""]
        for method, path, operation in found:
            lines += _operation(document, method, path, operation)
    return "\n".join([*lines, *_errors(document)]) + "\n"


def _operations(document: Words) -> Iterator[tuple[str, str, Words]]:
    for path, methods in document["paths"].items():
        yield from ((method, path, methods[method]) for method in _METHODS if method in methods)


def _operation(document: Words, method: str, path: str, operation: Words) -> Iterator[str]:
    yield from (f"### {method.upper()} {path}", "", operation.get("description", ""), "", _needs(operation), "")
    parameters = [said for said in operation.get("parameters", []) if said["in"] != "path"]
    if parameters:
        yield from ("| parameter | |", "|---|---|", *map(_parameter, parameters), "")
    for body in operation.get("requestBody", {}).get("content", {}).values():
        yield from ("Send:", "", *_fenced(body))
    for status, response in _answers(operation, below=400):
        yield from _answer(status, response)
    refusals = ", ".join(f"[{status}](#error-{status})" for status, _ in _answers(operation, below=600, least=400))
    yield from (f"Or: {refusals}.", "")


def _needs(operation: Words) -> str:
    if scope := operation.get("x-scope"):
        return f"`{operation['operationId']}`, needs `{scope}`."
    closed = any(operation.get("security", ()))
    return f"`{operation['operationId']}`, for {'every caller with a key or session' if closed else 'anybody'}."


def _parameter(said: Words) -> str:
    schema = said["schema"]
    kind = schema.get("items", schema)
    # The document lists choices in the description, too; once is enough.
    words = [line for line in said.get("description", "").splitlines() if not line.startswith("* `")]
    if "enum" in kind:
        words.append("One of " + ", ".join(f"`{value}`" for value in kind["enum"]) + ".")
    elif kind.get("format") or kind.get("type") not in {"string", None}:
        words.append(f"{kind.get('format') or kind['type']}".capitalize() + ".")
    if "default" in schema:
        words.append(f"Default `{schema['default']}`.")
    text = " ".join(" ".join(words).split()).replace("|", "\\|")
    return f"| `{said['name']}`{' (header)' if said['in'] == 'header' else ''} | {text} |"


def _answers(operation: Words, *, below: int, least: int = 0) -> list[tuple[str, Words]]:
    return [(code, said) for code, said in operation["responses"].items() if least <= int(code) < below]


def _answer(status: str, response: Words) -> Iterator[str]:
    contents = response.get("content", {})
    if not contents:
        yield from (f"Answers **{status}** without a body.", "")
    for media_type, body in contents.items():
        kind = "" if media_type == "application/json" else f" as `{media_type}`"
        if "example" in body or "examples" in body:
            yield from (f"Answers **{status}**{kind}:", "", *_fenced(body))
        else:
            yield from (f"Answers **{status}**{kind}.", "")


def _fenced(body: Words) -> Iterator[str]:
    examples = [body["example"]] if "example" in body else [one["value"] for one in body.get("examples", {}).values()]
    for example in examples:
        if isinstance(example, str):
            yield from ("```text", example.rstrip("\n"), "```", "")
        else:
            yield from ("```json", json.dumps(example, indent=2, ensure_ascii=False), "```", "")


def _errors(document: Words) -> Iterator[str]:
    yield from ("## Errors", "", "All have one shape; `request_id` is what to quote.", "")
    for name, said in document["components"]["responses"].items():
        body = said["content"]["application/json"]
        yield from (f"### Error {name.removeprefix('Error')}", "", said["description"], "", *_fenced(body))


if __name__ == "__main__":
    sys.stdout.write(page(yaml.safe_load(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/openapi.yaml").read_text())))
