"""How people show a password, at the one form for API and admin: a wrong one is written down."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from sites import audit
from sites.models import User


class WatchedBackend(ModelBackend):
    """Django's own, with somebody who takes notes."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        """The person whose email and password these are; None where they are nobody's."""
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None and username:
            _note_failure(username)
        return user


def _note_failure(email: str) -> None:
    known = User.objects.with_email(email).first()
    # A password typed into the wrong field must not be kept.
    tried = email[:254] if known is None and "@" in email else ""
    audit.record_of_person(known, "sign_in_failed", **({"email": tried} if tried else {}))
