"""Signed messages as the Standard Webhooks specification has them, so that its verifiers in many languages fit."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
_BYTES = 32
_SHORTEST, _LONGEST = 24, 64


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether `text` is `whsec_` and 24 to 64 bytes in base64."""
    return text.startswith(PREFIX) and _SHORTEST <= len(_key(text) or b"") <= _LONGEST


def headers(message_id: str, timestamp: int, body: bytes, *, keys: Iterable[str]) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` (seconds) and `webhook-signature`: HMAC-SHA256 of the three, one a key."""
    signed = b".".join([message_id.encode(), str(timestamp).encode(), body])
    signatures = [base64.b64encode(hmac.digest(_key(key) or b"", signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(secret: str) -> bytes | None:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
