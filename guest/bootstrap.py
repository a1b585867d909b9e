"""A cloud's machine at its first boot: the guest redeems what it was told for its own token, and keeps that.

The folder holds `bootstrap.json` (`url`, `machine`, `token`; written by the first boot's script), `places.json` (fields
of `guest.config` that depend on the image; optional) and, when all is done, `guest.json`, which later starts read.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0
ANSWER_WITHIN_S = 10.0
KEEP_ASKING_S = 900.0
MAX_ANSWER_BYTES = 64 * 1024
_TRY_AGAIN = {408, 425, 429}

log = logging.getLogger(__name__)


class BootstrapFailed(RuntimeError):
    """There is no token for this machine, and asking again will not bring one. The text shows no secret."""


class _NoAnswer(Exception):
    """Nothing was said, or not now."""


def prepare(folder: Path) -> Path:
    """The guest's configuration, redeemed first where a bootstrap waits. Called twice, or after a crash, it goes on.

    Raises:
        BootstrapFailed: it was refused, is broken, or nobody answered for a quarter of an hour.
    """
    told, config = folder / "bootstrap.json", folder / "guest.json"
    if told.exists():
        bootstrap = _read(told)
        answer = _redeem(bootstrap, claim=_claim(folder))
        _write(config, json.dumps(_places(folder) | answer))
        told.unlink()
        (folder / "claim").unlink(missing_ok=True)
    if not config.exists():
        raise BootstrapFailed(f"there is neither a bootstrap nor a configuration in {folder}")
    return config


def _redeem(bootstrap: dict[str, Any], *, claim: str) -> dict[str, Any]:
    try:
        url = bootstrap["url"]
        body = json.dumps({"machine": bootstrap["machine"], "token": bootstrap["token"], "claim": claim}).encode()
    except KeyError as error:
        raise BootstrapFailed(f"the bootstrap has no {error}") from None
    if not str(url).startswith(("https://", "http://")):
        raise BootstrapFailed("the bootstrap's address is none")
    pause_s, until = FIRST_PAUSE_S, time.monotonic() + KEEP_ASKING_S
    while True:
        try:
            return _ask(url, body)
        except _NoAnswer as error:
            log.warning("no answer to the bootstrap: %s", error)
        if time.monotonic() > until:
            raise BootstrapFailed("nobody answered the bootstrap in time")
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _ask(url: str, body: bytes) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "machine-guest"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=ANSWER_WITHIN_S) as answer:
            return _object(answer.read(MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(MAX_ANSWER_BYTES)
        if error.code >= 500 or error.code in _TRY_AGAIN:
            raise _NoAnswer(f"status {error.code}") from None
        raise BootstrapFailed(f"the bootstrap was refused with {error.code}: {_reason(said)}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise _NoAnswer(type(error).__name__) from None


def _object(text: bytes) -> dict[str, Any]:
    given = json.loads(text)
    if not isinstance(given, dict):
        raise ValueError
    return given


def _reason(said: bytes) -> str:
    """The platform's sentence for people, where the answer is the platform's."""
    try:
        return str(_object(said).get("error", ""))[:200]
    except ValueError:
        return ""


def _claim(folder: Path) -> str:
    """Made once and kept until the answer is: whoever asks with it again is answered again."""
    path = folder / "claim"
    if not path.exists():
        _write(path, secrets.token_urlsafe(32))
    return path.read_text()


def _places(folder: Path) -> dict[str, Any]:
    path = folder / "places.json"
    return _read(path) if path.exists() else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        return _object(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BootstrapFailed(f"{path} cannot be read: {type(error).__name__}") from None


def _write(path: Path, text: str) -> None:
    """In one piece and on the disk: what was redeemed cannot be redeemed again by who forgot it."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
