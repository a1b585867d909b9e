"""This dialect's bodies from our rows and answers."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

from rest_framework import serializers

from common.api.renderers import moment
from facades.desktop_v1.words import STATUSES, status_word
from guest.protocol.results import Shell
from instances.guestlink import Answer
from instances.models import Desired, Instance

DEFAULT_TIMEOUT_MS = 24 * 3600 * 1000
NEVER_MS = 36_500 * DEFAULT_TIMEOUT_MS
"""A hundred years: the client wants a moment also of what has no limit."""


class DesktopStatusSerializer(serializers.Serializer):
    status = serializers.ChoiceField(STATUSES)


class NewDesktopSerializer(serializers.Serializer):
    """A desktop that was just asked for."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(STATUSES)


class DesktopSerializer(serializers.Serializer):
    """A desktop. `stream_url` is null while nothing is to be seen."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(STATUSES)
    stream_url = serializers.URLField(allow_null=True)
    created_at = serializers.DateTimeField()
    timeout_at = serializers.DateTimeField()


class ActionDoneSerializer(serializers.Serializer):
    """`base64_image` of a screenshot, a JPEG; `output` of all else."""

    output = serializers.CharField(required=False, allow_blank=True)
    base64_image = serializers.CharField(required=False)


class CommandDoneSerializer(serializers.Serializer):
    """What the command wrote, whatever its exit code was."""

    status = serializers.ChoiceField(["success"])
    output = serializers.CharField(allow_blank=True)


def status_of(instance: Instance) -> str:
    """One of this dialect's four words; a desktop that was stopped is terminated at once."""
    if instance.desired_state == Desired.DELETED:
        return "terminated"
    return status_word(instance.status, is_wanted=instance.desired_state == Desired.RUNNING)


def new_desktop(instance: Instance) -> dict[str, Any]:
    """The answer to POST /v1/desktop."""
    return {"id": str(instance.pk), "status": status_of(instance)}


def desktop(instance: Instance, *, stream_url: str | None) -> dict[str, Any]:
    """The answer to GET /v1/desktop/{id}; its client parses every field, none may be missing."""
    timeout_ms = NEVER_MS if instance.timeout_ms is None else instance.timeout_ms
    ends_at = instance.expires_at or instance.created_at + timedelta(milliseconds=timeout_ms)
    return {
        **new_desktop(instance),
        "stream_url": stream_url,
        "created_at": moment(instance.created_at),
        "timeout_at": moment(ends_at),
    }


def action_done(answer: Answer | None) -> dict[str, Any]:
    """The answer to a computer action."""
    if answer is not None and answer.result.image:
        return {"base64_image": base64.b64encode(answer.blob).decode()}
    if answer is not None and (cursor := answer.result.cursor):
        return {"output": f"X={cursor.x}\nY={cursor.y}\nSCREEN=0\nWINDOW=0"}
    return {"output": ""}


def command_done(shell: Shell) -> dict[str, Any]:
    """The answer to a command: what it wrote, or what it complained of."""
    output = shell.stdout.strip() or shell.stderr.strip()
    return {"status": "success", "output": output or ("The command was ended at its time." if shell.timed_out else "")}
