"""What an action's log row says of it: enough to follow it, nothing that may be secret, and no file's content."""

from __future__ import annotations

from typing import Any

from common.errors import PlatformError
from common.text import storable
from guest.protocol import actions
from guest.protocol.actions import AnyAction, Bash, Edit, Navigate, SetEnvironment, Type, WriteFile
from instances.guestlink import Answer

KEPT_CHARACTERS = 2_000
"""How much of a shell's output a log row keeps; the caller gets all of it."""
KEPT_NAMES = 100
_EDITED = ("file_text", "old_str", "new_str")


def tag(action: AnyAction) -> str:
    """The action's `type`."""
    return str(type(action).__struct_config__.tag)


def sentence(action: AnyAction) -> str:
    """The row's message."""
    match action:
        case Bash():
            return f"$ {_clean(action.command[:KEPT_CHARACTERS])}"
        case Type():
            return f"typed {len(action.text)} character{'' if len(action.text) == 1 else 's'}"
        case Edit():
            return f"{action.command.replace('_', ' ')} {_clean(action.path)}"
        case _:
            return tag(action).replace("_", " ")


def arguments(action: AnyAction) -> dict[str, Any]:
    """The action without typed text, values of variables, what is written into files, and an address's query."""
    match action:
        case WriteFile():
            written = len(action.data if action.data is not None else action.content or "")
            return {"path": _clean(action.path), "append": action.append, "written": written}
        case SetEnvironment():
            return {"names": sorted(action.variables)}
    fields = actions.to_builtins(action)
    fields.pop("type", None)
    match action:
        case Type():
            fields["text"] = f"({len(action.text)} characters)"
        case Bash():
            fields["command"] = _clean(action.command[:KEPT_CHARACTERS])
        case Edit():
            fields |= {name: f"({len(fields[name])} characters)" for name in _EDITED if fields[name] is not None}
        case Navigate():
            fields["url"] = _clean(action.url.partition("?")[0].partition("#")[0][:KEPT_CHARACTERS])
    return fields


def summary(answer: Answer) -> dict[str, Any]:
    """What came of it, in short."""
    result = answer.result
    if result.shell:
        return {
            "exit_code": result.shell.exit_code,
            "timed_out": result.shell.timed_out,
            "stdout": _clean(result.shell.stdout),
            "stderr": _clean(result.shell.stderr),
        }
    if result.image:
        return {"width": result.image.width, "height": result.image.height, "bytes": len(answer.blob)}
    if result.cursor:
        return {"x": result.cursor.x, "y": result.cursor.y}
    if result.file:
        return {"path": _clean(result.file.path), "size": result.file.size, "bytes": len(answer.blob)}
    if result.entries is not None:
        return {"entries": len(result.entries)}
    if result.environment is not None:
        return {"names": [_clean(name) for name in sorted(result.environment)[:KEPT_NAMES]]}
    return {}


def refusal(error: PlatformError) -> str:
    """The row's message where it came to nothing; the machine may have chosen its words."""
    return _clean(error.message)


def _clean(text: str) -> str:
    return storable(text[-KEPT_CHARACTERS:])
