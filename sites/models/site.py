"""A site: the tenant. Everything a customer has hangs on one."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models

from common.ids import new_id


class Site(models.Model):
    """A team with its people, agents, keys and machines."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=64, default="UTC", help_text="IANA name, for example Europe/Berlin.")
    log_retention_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Log entries older than this are deleted. Empty, or more than the platform's limit: that limit.",
    )
    is_active = models.BooleanField(default=True, help_text="An inactive site's keys and members are refused.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name
