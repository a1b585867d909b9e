"""This dialect's bodies from our rows and answers."""

from __future__ import annotations

import base64
from typing import Any

from rest_framework import serializers

from common.api.renderers import moment
from facades.sessions_v1.words import STATUSES, status_word
from guest.protocol.results import Result
from instances.models import BrowserState, Instance


class SessionSerializer(serializers.Serializer):
    """An instance."""

    id = serializers.CharField()
    launch_time = serializers.DateTimeField()
    instance_type = serializers.ChoiceField(["ubuntu", "browser", "windows"])
    status = serializers.ChoiceField(STATUSES)
    resolution = serializers.ListField(child=serializers.IntegerField())


class SessionStatusSerializer(serializers.Serializer):
    status = serializers.CharField()


class SessionDoneSerializer(serializers.Serializer):
    """What an action, a command or an edit has to say; `error` where it could not be done."""

    output = serializers.CharField(required=False, allow_blank=True)
    error = serializers.CharField(required=False, allow_blank=True)
    base64_image = serializers.CharField(required=False)
    system = serializers.CharField(required=False)


class SessionPictureSerializer(serializers.Serializer):
    base64_image = serializers.CharField()


class SessionStreamSerializer(serializers.Serializer):
    stream_url = serializers.CharField()


class SessionVariablesSerializer(serializers.Serializer):
    variables = serializers.DictField(child=serializers.CharField())


class SessionMessageSerializer(serializers.Serializer):
    status = serializers.CharField()
    message = serializers.CharField()


class SessionCdpSerializer(serializers.Serializer):
    cdp_url = serializers.CharField()


class SessionAuthSerializer(serializers.Serializer):
    status = serializers.CharField()
    auth_state_id = serializers.CharField()
    name = serializers.CharField()


class SessionAuthStateSerializer(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()


class SessionUrlSerializer(serializers.Serializer):
    current_url = serializers.CharField()


def session(instance: Instance) -> dict[str, Any]:
    """An instance as its client reads it."""
    wished = instance.configuration
    return {
        "id": str(instance.pk),
        "launch_time": moment(instance.started_at or instance.created_at),
        "instance_type": instance.instance_type,
        "status": status_word(instance.status, instance.desired_state),
        "resolution": [wished.get("width", 1280), wished.get("height", 800)],
    }


def auth(state: BrowserState) -> dict[str, Any]:
    """A browser state that was saved."""
    return {"status": "success", "auth_state_id": str(state.pk), "name": state.name}


def said(result: Result) -> dict[str, Any]:
    """What a result says in words."""
    if result.cursor:
        return {"output": f"X={result.cursor.x},Y={result.cursor.y}"}
    if result.shell:
        late = "The command was ended at its time." if result.shell.timed_out else ""
        return {"output": result.shell.stdout, "error": result.shell.stderr or late}
    return {"output": result.text or ""}


def picture(content: bytes) -> dict[str, Any]:
    """A screenshot's bytes."""
    return {"base64_image": base64.b64encode(content).decode()}
