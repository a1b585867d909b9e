"""`_async/endpoints.py`: a class for each noun of the API, a method for each of its operations."""

from __future__ import annotations

import re
import textwrap
from itertools import groupby

from document import Document, Operation

# Streams and sockets, and what reads better written by hand (`_async/instances.py`, `_async/desktop.py`).
_BY_HAND = {
    "create_instance_action",
    "get_health",
    "get_instance_log_tail",
    "get_instance_screenshot",
    "get_instance_wait",
    "get_log_tail",
    "get_root",
}
_RENAMED = {"get_own_user": "me", "patch_own_user": "update_me", "request_password_reset": "request"}
_KEYWORDS = {"import", "from", "return", "global", "del"}
_HEAD = '''"""The API's nouns and operations. Made from docs/openapi.yaml by generator/; not edited by hand."""

from __future__ import annotations

from typing import Unpack

from orchestrator_client import fields as sent
from orchestrator_client import models
from orchestrator_client._async.pages import AsyncPages
from orchestrator_client._async.resource import AsyncResource
from orchestrator_client._async.transport import AsyncTransport
from orchestrator_client.calls import Call, new_key, segment
'''


def endpoints(document: Document) -> str:
    """The module's text; `ruff format` lays it out."""
    told = sorted((op for op in document.operations if _is_told(op)), key=lambda op: op.resource)
    nouns = {noun: list(operations) for noun, operations in groupby(told, key=lambda op: op.resource)}
    classes = [_class(noun, operations) for noun, operations in nouns.items()]
    return "\n\n".join([_HEAD, *classes, _all_of_them(list(nouns))]) + "\n"


def method_name(operation: Operation) -> str:
    """`create_instance` is `create` of `instances`, `list_instance_logs` is `list_logs`; PATCH is what updates."""
    if operation.id in _RENAMED:
        return _RENAMED[operation.id]
    verb, _, rest = operation.id.partition("_")
    noun = operation.resource.replace("-", "_")
    for spoken in (noun, _singular(noun)):
        rest = re.sub(rf"^{spoken}(_|$)", "", rest) if rest.startswith(spoken) else rest
    verb = "update" if verb == "patch" else verb
    if verb == "get" and rest:
        return _safe(rest)
    return _safe(f"{verb}_{rest}" if rest else verb)


def _is_told(operation: Operation) -> bool:
    """PUT is PATCH's twin."""
    return operation.method != "PUT" and operation.id not in _BY_HAND


def _class(noun: str, operations: list[Operation]) -> str:
    name = _class_name(noun)
    return f"class {name}(AsyncResource):\n" + "\n".join(_method(operation) for operation in operations)


def _method(operation: Operation) -> str:
    arguments, call = _arguments(operation), _call(operation)
    name, body = method_name(operation), _docstring(operation)
    if operation.pages:
        path, query = _path(operation), "query" if operation.query else "{}"
        answer = f"AsyncPages[models.{operation.pages}]"
        body += f"    return self._pages(models.{operation.pages}, {path}, {query})\n"
        return _indented(f"def {name}({arguments}) -> {answer}:\n{body}")
    answer, kind = _answer(operation)
    told = f"models.{operation.answers}, {call}" if operation.answers else call
    body += f"    {'' if answer == 'None' else 'return '}await self.{kind}({told})\n"
    return _indented(f"async def {name}({arguments}) -> {answer}:\n{body}")


def _docstring(operation: Operation) -> str:
    """The first paragraph of what the document says, and the operation's place in the reference."""
    said = operation.description.replace("\\", "\\\\").split("\n\n")[0].replace("\n", " ").strip()
    said = textwrap.fill(said, width=109, subsequent_indent="    ")
    return f'    """{said}\n\n    `{operation.method} {operation.path}`\n    """\n'


def _answer(operation: Operation) -> tuple[str, str]:
    if operation.answers:
        return f"models.{operation.answers}", "_one"
    if any(not name.startswith(("application/json", "text/event-stream")) for name in operation.media_types):
        return "bytes", "_bytes"
    return ("object", "_data") if operation.media_types else ("None", "_nothing")


def _arguments(operation: Operation) -> str:
    """The path's words first, by position; then the body or the query by name."""
    path = [f"{name}: str" for name in operation.path_names]
    names = ["self", *path, *(["/"] if path else [])]
    if operation.sends and not operation.sends_object:
        names.append(f"body: sent.{operation.sends}")
    named = [f"{name}: str | None = None" for name in _headers(operation)]
    if named:
        names += ["*", *named]
    if operation.sends and operation.sends_object:
        names.append(f"**fields: Unpack[sent.{operation.sends}]")
    elif operation.query:
        names.append(f"**query: Unpack[sent.{operation.query_name}]")
    return ", ".join(names)


def _headers(operation: Operation) -> list[str]:
    return [name.replace("-", "_") for name in ("if-match", "idempotency-key") if name in operation.headers]


def _call(operation: Operation) -> str:
    said = [f'"{operation.method}"', _path(operation)]
    if operation.sends:
        said.append("json=fields" if operation.sends_object else "json=body")
    elif operation.query:
        said.append("params=query")
    if "if-match" in operation.headers:
        said.append("if_match=if_match")
    if "idempotency-key" in operation.headers:
        said.append("key=idempotency_key or new_key()")
    return f"Call({', '.join(said)})"


def _path(operation: Operation) -> str:
    path = re.sub(r"{(\w+)}", r"{segment(\1)}", operation.path)
    return f'f"{path}"' if operation.path_names else f'"{path}"'


def _all_of_them(nouns: list[str]) -> str:
    lines = ["class AsyncEndpoints:", '    """Every noun of the API, as an attribute."""', ""]
    lines.append("    def __init__(self, transport: AsyncTransport) -> None:")
    lines += [f"        self.{noun.replace('-', '_')} = {_class_name(noun)}(transport)" for noun in nouns]
    return "\n".join(lines)


def _class_name(noun: str) -> str:
    return "Async" + "".join(word.title() for word in noun.split("-")) + "Endpoints"


def _singular(noun: str) -> str:
    return noun.removesuffix("s")


def _safe(name: str) -> str:
    return f"{name}_" if name in _KEYWORDS else name


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.split("\n"))
