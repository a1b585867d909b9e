"""A template: the named spec of instances to come. Each change of it is a version, and old ones stay to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from common.secrets import EncryptedJSONField
from instances.flavours import DEFAULT_FLAVOUR
from instances.models.instance import Instance, OnTimeout, default_tools
from sites.models import SiteOwned
from sites.models.owned import EverySite


class MachineSpec(models.Model):
    """What machine is wanted, and for how long. The values of its environment are sealed; their names are not."""

    instance_type = models.CharField(max_length=16, choices=Instance.TYPES, default=DEFAULT_FLAVOUR)
    provider = models.CharField(max_length=40, blank=True, default="", help_text="Empty: the first that fits.")
    region = models.CharField(max_length=40, blank=True, default="", help_text="Empty: any.")
    configuration = models.JSONField(default=dict, blank=True)
    startup_script = models.TextField(blank=True, default="")
    environment_variables: models.Field[Any, Any] = EncryptedJSONField(default=dict)
    environment_names = ArrayField(models.CharField(max_length=128), default=list, editable=False)
    required_variables = ArrayField(
        models.CharField(max_length=128), default=list, blank=True, help_text="Names whose values come with each use."
    )
    tools_enabled = ArrayField(models.CharField(max_length=32), default=default_tools, blank=True)
    timeout_ms = models.PositiveBigIntegerField(null=True, blank=True)
    on_timeout = models.CharField(max_length=8, choices=OnTimeout.choices, default=OnTimeout.STOP)
    idle_stop_minutes = models.PositiveIntegerField(null=True, blank=True)
    record = models.BooleanField(default=False, db_default=False)

    class Meta:
        abstract = True

    @property
    def timeout_hours(self) -> float | None:
        """The time limit as upstream clients know it."""
        return None if self.timeout_ms is None else self.timeout_ms / 3_600_000

    def set_environment(self, variables: Mapping[str, str]) -> None:
        """Seal `variables`, and keep their sorted names beside them."""
        self.environment_variables = dict(variables)
        self.environment_names = sorted(variables)


SPEC_FIELDS = tuple(field.name for field in MachineSpec._meta.local_fields)


class Template(SiteOwned, MachineSpec):
    """The spec as it is now, which is `version`'s too."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    # Its warm pool, and the circuit breaker that holds it back while machines fail.
    pool_size = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="How many run before anybody asks.")
    pool_failures = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    pool_failed_at = models.DateTimeField(null=True, editable=False)
    pool_open_until = models.DateTimeField(null=True, editable=False, help_text="No member is made until then.")
    pool_reason = models.TextField(blank=True, default="", db_default="", editable=False)

    everywhere: ClassVar[EverySite[Template]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "id"], name="template_of_site"),
            models.UniqueConstraint(fields=["site", "name"], name="template_name_once"),
        ]
        indexes = [
            models.Index(fields=["site", "-id"], name="template_newest"),
            models.Index(fields=["created_by"], name="template_by_author"),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class TemplateVersion(SiteOwned, MachineSpec):
    """The spec as it was from one change to the next. Written once."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    number = models.PositiveIntegerField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    everywhere: ClassVar[EverySite[TemplateVersion]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["site", "template", "number"], name="template_version_once")]
        indexes = [
            models.Index(fields=["template", "-number"], name="template_version_newest"),
            models.Index(fields=["created_by"], name="template_version_by_author"),
        ]

    def __str__(self) -> str:
        """By name where the template was read too, as the admin does; nothing is asked of the database for it."""
        of = self.template.name if TemplateVersion.template.is_cached(self) else self.template_id
        return f"{of}@{self.number}"
