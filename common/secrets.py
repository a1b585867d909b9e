"""Secrets at rest: a model field whose value the database never sees in clear."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


@lru_cache(maxsize=1)
def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])


def seal(value: Any) -> bytes:
    """`value` (JSON) encrypted with the current key: Fernet, AES-128-CBC and HMAC-SHA256."""
    return _keys().encrypt(json.dumps(value, separators=(",", ":")).encode())


def unseal(sealed: bytes) -> Any:
    """The value behind `sealed`, whichever of the configured keys it was sealed with.

    Raises:
        cryptography.fernet.InvalidToken: none of the keys fits.
    """
    return json.loads(_keys().decrypt(sealed))


def reseal(sealed: bytes) -> bytes:
    """The same value under the current key; how keys rotate."""
    return _keys().rotate(sealed)


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
