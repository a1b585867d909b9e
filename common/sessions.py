"""Django's sessions in the database, which are looked for by nothing that is no key of one."""

from __future__ import annotations

from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

_LETTERS = frozenset(VALID_KEY_CHARS)


class SessionStore(DatabaseStore):
    """By the name that SESSION_ENGINE's readers ask for. A cookie is the client's to write, NULs included, which
    PostgreSQL takes for a fault; what names no session is an empty one, as ever."""

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key) and len(key or "") == 32 and _LETTERS.issuperset(key or "")
