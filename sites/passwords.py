"""Passwords: chosen well, and set anew by whoever reads their owner's mail.

A reset's token is Django's: an HMAC over who it is for, when it was made, and the password and sign-in that it ends
with. So it needs no row, works once, and only for PASSWORD_RESET_TIMEOUT seconds.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from kombu.exceptions import OperationalError

from common.errors import Invalid, Unavailable
from common.tenancy import CREW
from sites import audit, tasks
from sites.models import User


def set_password(user: User, password: str | None, *, by_others: bool = False) -> None:
    """Set it in `user`, which is not saved. None: they cannot sign in until one is set. `by_others`: not chosen by who
    reads their email.

    Raises:
        Invalid: it is too short or too common.
    """
    if password is not None:
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise Invalid(f"password: {error.messages[0]}", fields={"password": error.messages}) from error
    user.set_password(password)
    user.password_by_others = by_others


def request_reset(email: str) -> None:
    """Have a worker mail a token, if there is somebody with this email. The caller learns neither way.

    Raises:
        Unavailable: no worker can be told.
    """
    try:
        tasks.mail_reset.delay(email.lower())
    except OperationalError as error:
        raise Unavailable("No mail can be sent just now; try again.", retry_after_s=5) from error


def confirm_reset(token: str, password: str) -> None:
    """Set the password of the token's owner. Their sessions end by it; their API keys do not.

    Raises:
        Invalid: the token is unknown, spent or too old (always the same), or the password is not good enough.
    """
    user_id, _, secret = token.partition(".")
    with transaction.atomic(using=CREW):
        user = _locked(user_id)
        if user is None or not default_token_generator.check_token(user, secret):
            raise Invalid("This link does not work, or no more. Ask for another one.", code="TOKEN_INVALID")
        set_password(user, password)
        user.save(using=CREW, update_fields=["password", "password_by_others"])
        audit.record_of_person(user, "password_reset")


def _locked(user_id: str) -> User | None:
    """Locked, so that of two who show one token at once the second finds it spent."""
    try:
        known = UUID(user_id)
    except ValueError:
        return None
    return User.objects.select_for_update().filter(pk=known, is_active=True).first()
