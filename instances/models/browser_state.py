"""A browser state: cookies and local storage that were saved from a browser, to be used in another one."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from common.secrets import EncryptedJSONField
from instances.models.instance import Instance
from sites.models import SiteOwned
from sites.models.owned import EverySite


class BrowserState(SiteOwned):
    """`state` is sealed and shown to nobody; what stands beside it tells what lies in it."""

    name = models.CharField(max_length=200)
    state: models.Field[Any, Any] = EncryptedJSONField(default=dict)
    hosts = ArrayField(models.CharField(max_length=300), default=list, editable=False)
    cookies = models.PositiveIntegerField(default=0, editable=False)
    origins = models.PositiveIntegerField(default=0, editable=False)
    instance = models.ForeignKey(
        Instance, on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False, editable=False
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    everywhere: ClassVar[EverySite[BrowserState]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "id"], name="browserstate_of_site"),
            models.UniqueConstraint(fields=["site", "name"], name="browserstate_name_once"),
        ]
        indexes = [
            models.Index(fields=["site", "-id"], name="browserstate_newest"),
            models.Index(fields=["instance"], name="browserstate_by_instance"),
            models.Index(fields=["created_by"], name="browserstate_by_author"),
        ]

    def __str__(self) -> str:
        return self.name
