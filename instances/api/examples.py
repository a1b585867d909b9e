"""What the OpenAPI document shows as examples of instances and actions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

from common.api.examples import sample_id

_DONE: dict[str, Any] = {
    "type": "bash",
    "log_id": sample_id("log_id"),
    "duration_ms": 41.7,
    "cursor": None,
    "image": None,
    "shell": {"stdout": "hello\n", "stderr": "", "exit_code": 0, "timed_out": False, "truncated": False},
}

NEW_INSTANCE = OpenApiExample(
    "An ubuntu desktop",
    {
        "name": "Ada's desk",
        "instance_type": "ubuntu",
        "configuration": {"width": 1280, "height": 800, "memory_mib": 2048},
        "environment_variables": {"LANG": "de_DE.UTF-8"},
        "tools_enabled": ["bash", "computer"],
        "timeout_hours": 8,
        "idle_stop_minutes": 30,
    },
    request_only=True,
)
FROM_TEMPLATE = OpenApiExample(
    "From a template",
    {"name": "Ada's browser", "template": "shop@3", "environment_variables": {"SHOP_KEY": "…"}},
    request_only=True,
)
TEMPLATE = OpenApiExample(
    "A browser for a shop",
    {
        "name": "shop",
        "instance_type": "browser",
        "configuration": {"width": 1280, "height": 800},
        "startup_script": "mkdir -p ~/orders && date > ~/orders/begun",
        "environment_variables": {"SHOP": "https://shop.example.com"},
        "required_variables": ["SHOP_KEY"],
        "timeout_hours": 2,
        "idle_stop_minutes": 20,
    },
    request_only=True,
)
SCHEDULE = OpenApiExample(
    "Three desks each working day",
    {
        "name": "desks of the day",
        "template_id": sample_id("template_id"),
        "action": "start",
        "count": 3,
        "cron": "30 8 * * 1-5",
        "time_zone": "Europe/Berlin",
    },
    request_only=True,
)
CHANGED_SCHEDULE = OpenApiExample("An hour later", {"cron": "30 9 * * 1-5"}, request_only=True)
CHANGED_INSTANCE = OpenApiExample(
    "Another name, and at rest", {"name": "Bea's desk", "status": "stopped"}, request_only=True
)
EXTENSION = OpenApiExample("Two hours from now on", {"timeout_hours": 2}, request_only=True)
_MACHINE = "0191f5c2a1b27c3d8e4f5a6b7c8d9e0f-1"
ASKED = OpenApiExample(
    "At a first boot",
    {"machine": _MACHINE, "token": "TOKEN-OF-THE-FIRST-BOOT", "claim": "A-SECRET-THAT-THE-GUEST-HAS-MADE-UP-ITSELF"},
    request_only=True,
)
TOLD = OpenApiExample(
    "To dial in with",
    {
        "incarnation": _MACHINE,
        "token": "THE-GUESTS-OWN-TOKEN",
        "gateway": "wss://guests.example.com",
        "flavour": "ubuntu",
        "width": 1280,
        "height": 800,
    },
    response_only=True,
)
SCREENSHOT = OpenApiExample("A picture", {"type": "screenshot", "format": "png"}, request_only=True)
CLICK = OpenApiExample("Click", {"type": "click", "x": 400, "y": 300}, request_only=True)
TYPE = OpenApiExample("Type", {"type": "type", "text": "Grüße, 世界\n"}, request_only=True)
PRESS = OpenApiExample("A shortcut", {"type": "press", "keys": ["ctrl", "l"]}, request_only=True)
BASH = OpenApiExample("Run a command", {"type": "bash", "command": "uname -a", "timeout_s": 10}, request_only=True)
EDIT = OpenApiExample(
    "Change a file",
    {"type": "edit", "command": "str_replace", "path": "notes.txt", "old_str": "tea", "new_str": "coffee"},
    request_only=True,
)
BATCH = OpenApiExample(
    "Several, and a picture",
    {
        "actions": [{"type": "click", "x": 400, "y": 300}, {"type": "type", "text": "hello\n"}],
        "stop_on_failure": True,
        "screenshot": {"type": "screenshot", "format": "jpeg"},
    },
    request_only=True,
)
ACTIONS = [SCREENSHOT, CLICK, TYPE, PRESS, BASH, EDIT]
DONE = OpenApiExample("A command's answer", _DONE, response_only=True)
CDP_ADDRESS = OpenApiExample(
    "An address",
    {
        "cdp_url": "wss://desks.example.org/cdp/eyJwdXJwb3Nl….Zm9y",
        "http_url": "https://desks.example.org/cdp/eyJwdXJwb3Nl….Zm9y",
        "expires_at": "2026-01-05T10:00:00Z",
    },
    response_only=True,
)
VIEW_ADDRESS = OpenApiExample(
    "A link",
    {
        "url": "https://desks.example.org/view#eyJwdXJwb3Nl….Zm9y",
        "mode": "drive",
        "expires_at": "2026-01-05T09:10:00Z",
    },
    response_only=True,
)
DRIVER = OpenApiExample(
    "Somebody drives", {"driver": {"name": "Ada", "since": "2026-01-05T09:03:12Z"}}, response_only=True
)
FRAMES_ADDRESS = OpenApiExample(
    "An address",
    {
        "url": "wss://desks.example.org/frames/eyJwdXJwb3Nl….Zm9y",
        "events_url": "https://desks.example.org/frames/eyJwdXJwb3Nl….Zm9y",
        "expires_at": "2026-01-05T10:00:00Z",
    },
    response_only=True,
)
