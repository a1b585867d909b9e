"""A person's second factor: an authenticator app, and codes on paper for when it is lost. Sealed, one a person."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from common.ids import new_id
from common.secrets import EncryptedJSONField
from common.tenancy import everywhere_alias


class _OfCrew(models.Manager["SecondFactor"]):
    """No request's role sees this table: signing in happens before any site is known."""

    def get_queryset(self) -> models.QuerySet[SecondFactor]:
        return super().get_queryset().using(everywhere_alias())


class SecondFactor(models.Model):
    """`sealed` is `{"key": base32, "recovery": [SHA-256 of each unused code]}`. It counts once it is confirmed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    sealed: models.Field[Any, Any] = EncryptedJSONField(default=dict)
    last_step = models.BigIntegerField(default=0, editable=False, help_text="Of the last code that was taken.")
    confirmed_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[_OfCrew] = _OfCrew()

    def __str__(self) -> str:
        return f"of {self.user_id}"
