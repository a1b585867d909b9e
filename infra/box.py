"""The short box at the end of `make up`: where everything is, and what to try first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from infra.client import Credentials


def box(credentials: Credentials, instance: dict[str, Any] | None, *, kept_in: Path) -> str:
    """The text, framed. The curl lines stand below it, unframed, so that they can be copied whole."""
    url = credentials.url
    rows = [
        f"API docs   {url}/api/docs",
        f"Browse     {url}/api/instances",
        f"Admin      {url}/admin/   {credentials.admin_email}  {credentials.admin_password}",
        f"API key    {credentials.api_key}",
        f"Kept in    {kept_in}",
    ]
    width = max(map(len, rows))
    frame = "─" * (width + 2)
    lines = [f"┌{frame}┐", *(f"│ {row:<{width}} │" for row in rows), f"└{frame}┘"]
    return "\n".join(
        [*lines, "", *_to_try(url, credentials.api_key, instance), "", "Ctrl-C stops it all; make up starts it again."]
    )


def _to_try(url: str, key: str, instance: dict[str, Any] | None) -> list[str]:
    authorised = f"curl -s -H 'Authorization: Bearer {key}'"
    as_json = "-H 'Content-Type: application/json'"
    if instance is None:
        return [
            f"{authorised} {url}/api/instances",
            f'{authorised} {as_json} -d \'{{"name": "mine", "instance_type": "ubuntu"}}\' {url}/api/instances',
            f"{authorised} {url}/api/system/health",
        ]
    one = f"{url}/api/instances/{instance['id']}"
    return [
        f"{authorised} {url}/api/instances",
        f"{authorised} -o screenshot.png '{one}/screenshot?format=png'",
        f'{authorised} {as_json} -d \'{{"type": "bash", "command": "uname -a"}}\' {one}/actions',
    ]
