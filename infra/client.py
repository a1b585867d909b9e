"""What the first mile asks of the platform over REST, as any client would: health, and a first instance."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.embedded.processes import Failed
from infra.progress import say, step

_LIVE = {"pending", "provisioning", "starting", "running", "paused", "stopping", "stopped"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """STATE_DIR/credentials.json, as `manage.py ensure_demo` writes it."""

    url: str
    api_key: str
    site_id: str
    user_id: str
    admin_email: str
    admin_password: str

    @classmethod
    def read(cls, path: Path) -> Credentials:
        known = json.loads(path.read_text())
        return cls(**{name: str(known[name]) for name in cls.__slots__})


class Platform:
    """A client of the running platform, at its loopback address: `PUBLIC_URL` may lead through a proxy not up yet."""

    def __init__(self, port: int, credentials: Credentials) -> None:
        self._credentials = credentials
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {credentials.api_key}"},
            timeout=30,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def unwell(self) -> str:
        """ "" when the platform can work, else what is not as it should be."""
        try:
            answer = self._http.get("/api/system/health", timeout=5)
        except httpx.HTTPError as error:
            return f"web does not answer ({type(error).__name__})"
        if answer.status_code == httpx.codes.OK:
            return ""
        return _reasons(answer)

    def live_instances(self) -> list[dict[str, Any]]:
        """The site's instances that are not deleted and not beyond use."""
        return [row for row in self._json("GET", "/api/instances?limit=200")["results"] if row["status"] in _LIVE]

    def request_instance(self, flavour: str) -> dict[str, Any]:
        body = {
            "name": f"First {flavour}",
            "instance_type": flavour,
            "site_id": self._credentials.site_id,
            "user_id": self._credentials.user_id,
        }
        return self._json("POST", "/api/instances", json=body)

    def await_running(self, instance_id: str, *, timeout_s: float, meanwhile: Callable[[], None]) -> None:
        """Until it runs, doing `meanwhile` again and again.

        Raises:
            Failed: it ended in error (with the instance's own reason), or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            row = self._json("GET", f"/api/instances/{instance_id}")
            if row["status"] == "running":
                return
            if row["status"] == "error":
                raise Failed(row.get("status_reason") or "it ended in error")
            meanwhile()
            time.sleep(0.2)
        raise Failed(f"not running within {timeout_s:g} s")

    def delete_instance(self, instance_id: str) -> None:
        self._json("DELETE", f"/api/instances/{instance_id}")

    def _json(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **arguments)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise Failed(f"{method} {path}: {error.response.status_code} {error.response.text[:500]}") from error
        except httpx.HTTPError as error:
            raise Failed(f"{method} {path}: {error!r}") from error
        body: dict[str, Any] = answer.json() if answer.content else {}
        return body


def _reasons(answer: httpx.Response) -> str:
    """What a health report that is not well names as the reasons, on one line."""
    try:
        components = answer.json()["components"]
    except (ValueError, KeyError, TypeError):
        return f"health answers {answer.status_code}"
    reasons = [part["reason"] for part in components.values() if isinstance(part.get("reason"), str)]
    return " ".join(reasons) or f"health answers {answer.status_code}"


def first_instance(platform: Platform, *, meanwhile: Callable[[], None]) -> dict[str, Any] | None:
    """The site's live instance, or a new one: a browser, an ubuntu where there can be no browser, else None."""
    live = platform.live_instances()
    if live:
        return _awakened(live, platform, meanwhile)
    if shutil.which("chromium") is None:
        say("! no Chromium here, so the first instance is an ubuntu desktop")
        return _try("ubuntu", platform, meanwhile)
    return _try("browser", platform, meanwhile) or _try("ubuntu", platform, meanwhile)


def _awakened(live: list[dict[str, Any]], platform: Platform, meanwhile: Callable[[], None]) -> dict[str, Any]:
    """The newest that is wished to run, once it does: those that rested with the platform start again by themselves."""
    wished = [row for row in live if row["desired_state"] == "running"]
    if not wished:
        say(f"  {len(live)} instance(s) of an earlier run, all stopped by wish")
        return live[0]
    try:
        with step(f"{len(wished)} instance(s) of an earlier run"):
            platform.await_running(wished[0]["id"], timeout_s=150, meanwhile=meanwhile)
    except Failed as failure:
        say(f"! {wished[0]['name']}: {failure}")
    return wished[0]


def _try(flavour: str, platform: Platform, meanwhile: Callable[[], None]) -> dict[str, Any] | None:
    instance: dict[str, Any] | None = None
    try:
        with step(f"First instance ({flavour})"):
            instance = platform.request_instance(flavour)
            platform.await_running(instance["id"], timeout_s=150, meanwhile=meanwhile)
        return instance
    except Failed as failure:
        say(f"! no {flavour} instance: {failure}")
        if instance is not None:
            platform.delete_instance(instance["id"])
        return None
