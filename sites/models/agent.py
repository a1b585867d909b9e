"""An agent: who acts for a site without being a person (an LLM, a script, somebody's assistant)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from sites.models.owned import EverySite, SiteOwned


class Agent(SiteOwned):
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=2000)
    is_active = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)

    everywhere: ClassVar[EverySite[Agent]] = EverySite["Agent"]()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["site", "id"], name="agent_of_site")]
        indexes = [models.Index(fields=["site", "-id"], name="agent_newest")]

    def __str__(self) -> str:
        return self.name
