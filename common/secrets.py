"""Secrets at rest: a model field whose value the database never sees in clear."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

_ENVELOPE = b"e1."
"""Begins what is sealed in an envelope; what was sealed before there were any begins otherwise."""


@lru_cache(maxsize=1)
def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])


def seal(value: Any) -> bytes:
    """`value` (JSON) in an envelope: encrypted with a key of its own, which is encrypted with the current one.

    Both by Fernet: AES-128-CBC and HMAC-SHA256. So a rotation writes the inner key anew and never opens the value.
    """
    inner = Fernet.generate_key()
    sealed = Fernet(inner).encrypt(json.dumps(value, separators=(",", ":")).encode())
    return b"".join([_ENVELOPE, _keys().encrypt(inner), b".", sealed])


def unseal(sealed: bytes) -> Any:
    """The value behind `sealed`, whichever of the configured keys it was sealed with.

    Raises:
        cryptography.fernet.InvalidToken: none of the keys fits, or somebody changed it.
    """
    if not sealed.startswith(_ENVELOPE):
        return json.loads(_keys().decrypt(sealed))
    outer, _, content = sealed.removeprefix(_ENVELOPE).partition(b".")
    return json.loads(Fernet(_keys().decrypt(outer)).decrypt(content))


def reseal(sealed: bytes) -> bytes:
    """The same value under the current key; how keys rotate. What has no envelope yet gets one.

    Raises:
        cryptography.fernet.InvalidToken: none of the keys fits.
    """
    if not sealed.startswith(_ENVELOPE):
        return seal(unseal(sealed))
    outer, dot, content = sealed.removeprefix(_ENVELOPE).partition(b".")
    return b"".join([_ENVELOPE, _keys().rotate(outer), dot, content])


def is_current(sealed: bytes) -> bool:
    """Whether it lies in an envelope under the first of the configured keys, so that the others could go."""
    if not sealed.startswith(_ENVELOPE):
        return False
    try:
        Fernet(settings.FIELD_KEYS[0]).decrypt(sealed.removeprefix(_ENVELOPE).partition(b".")[0])
    except InvalidToken:
        return False
    return True


def forget_keys() -> None:
    """Read FIELD_KEYS anew; for whoever changes them while the process runs."""
    _keys.cache_clear()


class EncryptedJSONField(models.BinaryField):
    """JSON in Python, sealed bytes in the row. Not searchable, and never to be put into a reply."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: bytes | memoryview | None, *_: Any) -> Any:
        return None if value is None else unseal(bytes(value))

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(None if value is None else seal(value), connection, prepared)

    def get_default(self) -> Any:
        return self.default() if callable(self.default) else (None if not self.has_default() else self.default)

    def value_to_string(self, obj: models.Model) -> str:
        return ""
