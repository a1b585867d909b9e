"""The second step of signing in: codes of an authenticator app (RFC 6238), and recovery codes that work once.

The rows are ours, not django-otp's, which keeps the keys in clear.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import timedelta

import pyotp
from django.conf import settings
from django.db import transaction

from common import clock
from common.errors import Conflict, Invalid
from common.tenancy import CREW
from sites import audit
from sites.models import SecondFactor, User

STEP_S = 30
RECOVERY_CODES = 10
KEY_SHOWN_FOR = timedelta(minutes=15)
_DRIFT_STEPS = 1
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike
_ISSUER = "Orchestrator"


def is_enrolled(user: User) -> bool:
    return SecondFactor.objects.filter(user_id=user.pk, confirmed_at__isnull=False).exists()


def is_required(user: User) -> bool:
    """Whether they may not come in without one."""
    return user.is_staff and settings.STAFF_TWO_FACTOR == "required"


def begin(user: User) -> str:
    """The key to put into an app, as an `otpauth://` address; the same for a quarter of an hour, or until it is
    confirmed. Whoever has seen it on a screen then does not know the one that is confirmed some other day.

    Raises:
        Conflict: they have a second factor already.
    """
    with transaction.atomic(using=CREW):
        User.objects.select_for_update().get(pk=user.pk)
        factor = SecondFactor.objects.filter(user_id=user.pk).first()
        if factor is not None and factor.confirmed_at is not None:
            raise Conflict("You have a second factor already.")
        if factor is not None and factor.created_at < clock.now() - KEY_SHOWN_FOR:
            factor.delete()
            factor = None
        if factor is None:
            factor = SecondFactor(user_id=user.pk, sealed={"key": pyotp.random_base32(), "recovery": []})
            factor.save(using=CREW, force_insert=True)
    return pyotp.TOTP(factor.sealed["key"]).provisioning_uri(name=user.email, issuer_name=_ISSUER)


def confirm(user: User, code: str) -> list[str]:
    """Take it into use by its first code; the recovery codes, which are not shown again.

    Raises:
        Invalid: the code is not the app's.
    """
    with transaction.atomic(using=CREW):
        factor = SecondFactor.objects.select_for_update().filter(user_id=user.pk, confirmed_at=None).first()
        step = _step_of(factor, code) if factor else None
        if factor is None or step is None:
            raise Invalid("That is not the code that the app shows.", code="CODE_WRONG")
        factor.last_step, factor.confirmed_at = step, clock.now()
        audit.record_of_person(user, "second_factor.set")
        return _with_new_codes(factor)


def check(user: User, code: str) -> bool:
    """Whether `code` is the app's present one or an unused recovery code. Either is good once."""
    with transaction.atomic(using=CREW):
        rows = SecondFactor.objects.select_for_update().filter(user_id=user.pk, confirmed_at__isnull=False)
        factor = rows.first()
        if factor is None:
            return False
        step = _step_of(factor, code)
        if step is not None:
            factor.last_step = step
            factor.save(using=CREW, update_fields=["last_step"])
            return True
        spent = _spend(factor, code)
        audit.record_of_person(user, "second_factor.recovery_code_used" if spent else "second_factor.failed")
        return spent


def replace_codes(user: User) -> list[str]:
    """New recovery codes; the old ones work no more."""
    with transaction.atomic(using=CREW):
        audit.record_of_person(user, "second_factor.codes_replaced")
        return _with_new_codes(SecondFactor.objects.select_for_update().get(user_id=user.pk))


def remove(user: User) -> bool:
    """Let them sign in without one, where that is allowed; whether there was any."""
    with transaction.atomic(using=CREW):
        removed = bool(SecondFactor.objects.filter(user_id=user.pk).delete()[0])
        if removed:
            audit.record_of_person(user, "second_factor.removed")
    return removed


def _step_of(factor: SecondFactor, code: str) -> int | None:
    """Which step of time the code belongs to, or None: it is wrong, or was used."""
    present = int(time.time()) // STEP_S
    wanted = code.replace(" ", "")
    if not (wanted.isascii() and wanted.isdigit()):
        return None
    app = pyotp.TOTP(factor.sealed["key"])
    steps = range(max(present - _DRIFT_STEPS, factor.last_step + 1), present + _DRIFT_STEPS + 1)
    return next((step for step in steps if secrets.compare_digest(app.generate_otp(step), wanted)), None)


def _spend(factor: SecondFactor, code: str) -> bool:
    hashed = _hashed(code)
    left = [known for known in factor.sealed["recovery"] if not secrets.compare_digest(known, hashed)]
    if len(left) == len(factor.sealed["recovery"]):
        return False
    factor.sealed = {**factor.sealed, "recovery": left}
    factor.save(using=CREW, update_fields=["sealed"])
    return True


def _with_new_codes(factor: SecondFactor) -> list[str]:
    codes = [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4)) for _ in range(RECOVERY_CODES)
    ]
    factor.sealed = {**factor.sealed, "recovery": [_hashed(code) for code in codes]}
    factor.save(using=CREW, update_fields=["sealed", "last_step", "confirmed_at"])
    return codes


def _hashed(code: str) -> str:
    """Sixteen letters of thirty-one are 79 bits: nobody guesses them, so a quick hash will do."""
    return hashlib.sha256(code.strip().lower().encode(errors="replace")).hexdigest()
