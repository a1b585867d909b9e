"""An action's result as JSON, alone and among others."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from common.errors import PlatformError
from guest.protocol import actions
from guest.protocol.actions import AnyAction, ReadFile
from instances.batches import BatchDone
from instances.perform import Done

_RARE = ("text", "entries", "environment", "url")


def as_json(action: AnyAction, done: Done) -> dict[str, Any]:
    """`cursor`, `image` and `shell` always, null where the action has none; what few actions have, only then."""
    answer = done.answer
    result = msgspec.to_builtins(answer.result)
    image = result.get("image")
    return {
        "type": actions.to_builtins(action)["type"],
        "log_id": done.log_id,
        "duration_ms": round(answer.took_ms, 3),
        "cursor": result.get("cursor"),
        "image": image and {**image, "base64": base64.b64encode(answer.blob).decode()},
        "shell": result.get("shell"),
        **{name: result[name] for name in _RARE if name in result},
        **({"file": _file(result["file"], action, answer.blob)} if "file" in result else {}),
    }


def batch_as_json(wanted: list[AnyAction], done: BatchDone, picture: AnyAction | None) -> dict[str, Any]:
    """A result or an `error` for each action that was begun, and the last picture."""
    return {
        "results": [_one(action, result) for action, result in zip(wanted, done.results, strict=False)],
        "screenshot": as_json(picture, done.picture) if picture is not None and done.picture is not None else None,
    }


def _one(action: AnyAction, result: Done | PlatformError) -> dict[str, Any]:
    if isinstance(result, Done):
        return as_json(action, result)
    said = {"error": result.message, "code": result.code, "details": result.details}
    return {"type": actions.to_builtins(action)["type"], "error": said}


def _file(file: dict[str, Any], action: AnyAction, content: bytes) -> dict[str, Any]:
    """The bytes as `text` where all of them are UTF-8, else as `base64`."""
    if not isinstance(action, ReadFile):
        return file
    try:
        return {**file, "text": content.decode()}
    except UnicodeDecodeError:
        return {**file, "base64": base64.b64encode(content).decode()}
