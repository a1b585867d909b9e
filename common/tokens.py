"""Tokens that prove themselves: an HMAC over what they say, so that the gateway needs no database to check one."""

from __future__ import annotations

import base64
import hashlib
import hmac


def derive(secret: str, *, purpose: str, subject: str) -> str:
    """The one token of `subject` for `purpose`: 43 URL-safe characters, the same each time it is asked for."""
    digest = hmac.digest(secret.encode(), f"{purpose}\0{subject}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def holds(token: str, secret: str, *, purpose: str, subject: str) -> bool:
    """Whether `token` is `subject`'s for `purpose`; compared in constant time."""
    return hmac.compare_digest(token.encode(), derive(secret, purpose=purpose, subject=subject).encode())
