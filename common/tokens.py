"""Tokens that prove themselves: an HMAC over what they say, so that the gateway needs no database to check one."""

from __future__ import annotations

import base64
import hashlib
import hmac

import msgspec
from msgspec import Struct

_SIGNED = "signed"
_LONGEST = 2_048


def derive(secret: str, *, purpose: str, subject: str) -> str:
    """The one token of `subject` for `purpose`: 43 URL-safe characters, the same each time it is asked for."""
    digest = hmac.digest(secret.encode(), f"{purpose}\0{subject}".encode(), hashlib.sha256)
    return _packed(digest)


def holds(token: str, secret: str, *, purpose: str, subject: str) -> bool:
    """Whether `token` is `subject`'s for `purpose`; compared in constant time."""
    return hmac.compare_digest(token.encode(), derive(secret, purpose=purpose, subject=subject).encode())


class BadToken(ValueError):
    """The token is not one of ours, is for something else, or is too old. The text never shows it."""


class Bearer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who holds what a token opens, as it says, and what for: by this the hub asks whether they still may."""

    purpose: str
    mode: str = ""
    site: str = ""
    user: str = ""
    agent: str = ""
    key: str = ""


class Claims(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a signed token says: what it is good for, until when, and who asked for it (ids, as text).

    `expires_at` is when it stops letting anybody in, `renew_until` up to when its bearer may have it prolonged; both in
    seconds since the epoch. `mode` and `label` are the purpose's own to read.
    """

    purpose: str
    subject: str
    expires_at: int
    renew_until: int = 0
    mode: str = ""
    label: str = ""
    site: str = ""
    user: str = ""
    agent: str = ""
    key: str = ""

    @property
    def bearer(self) -> Bearer:
        return Bearer(
            purpose=self.purpose, mode=self.mode, site=self.site, user=self.user, agent=self.agent, key=self.key
        )


def sign(secret: str, claims: Claims) -> str:
    """A token that carries `claims` in the clear and proves them: URL-safe, a dot between the two parts."""
    body = _packed(msgspec.json.encode(claims))
    return f"{body}.{derive(secret, purpose=_SIGNED, subject=body)}"


def opened(token: str, secret: str, *, purpose: str, now_s: float) -> Claims:
    """What `token` says, its signature checked before anything in it is read.

    Raises:
        BadToken: it is forged, malformed, for another purpose, or expired.
    """
    body, _, proof = token.partition(".")
    if len(token) > _LONGEST or not token.isascii() or not holds(proof, secret, purpose=_SIGNED, subject=body):
        raise BadToken("not a token of ours")
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Claims)
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadToken("not a token that can be read") from error
    if claims.purpose != purpose:
        raise BadToken("a token for something else")
    if claims.expires_at <= now_s:
        raise BadToken("an expired token")
    return claims


def _packed(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
