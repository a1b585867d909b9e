"""A site: the tenant. Everything a customer has hangs on one."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from common.ids import new_id

_DEFAULT = "Empty: the platform's default."


def numbers_by_name(value: object) -> None:
    """A validator: an object of whole numbers from 0."""
    fits = isinstance(value, dict) and all(type(number) is int and number >= 0 for number in value.values())
    if not fits:
        raise ValidationError('Whole numbers by name, as {"windows": 5}.')


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
    # Empty: the platform's default. For the platform's operators to set; `sites/quotas.py` reads them.
    quota_instances = models.PositiveIntegerField(null=True, blank=True, help_text=_DEFAULT)
    quota_running = models.PositiveIntegerField(null=True, blank=True, help_text=_DEFAULT)
    quota_provisioning = models.PositiveIntegerField(null=True, blank=True, help_text=_DEFAULT)
    quota_actions_a_minute = models.PositiveIntegerField(null=True, blank=True, help_text=_DEFAULT)
    quota_recordings_mib = models.PositiveIntegerField(null=True, blank=True, help_text=_DEFAULT)
    quota_per_type = models.JSONField(
        default=dict, blank=True, validators=[numbers_by_name], help_text='Instances by type, as {"windows": 5}.'
    )
    is_active = models.BooleanField(default=True, help_text="An inactive site's keys and members are refused.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name
