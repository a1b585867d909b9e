"""The answer to a POST that came with an Idempotency-Key, kept for a day for whoever sends it again."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from common.secrets import EncryptedJSONField
from sites.models.owned import EverySite, SiteOwned


class KeptAnswer(SiteOwned):
    """Without an `answer` the request is under way: `holder` works on it until `lease_until`, and then nobody does."""

    name = models.BinaryField(max_length=32, editable=False, help_text="A hash of caller, route and key.")
    fingerprint = models.BinaryField(max_length=32, editable=False, help_text="A hash of what was sent.")
    holder = models.UUIDField(editable=False)
    lease_until = models.DateTimeField(editable=False)
    answer: models.Field[Any, Any] = EncryptedJSONField(null=True)

    everywhere: ClassVar[EverySite[KeptAnswer]] = EverySite["KeptAnswer"]()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="kept_answer_once")]
