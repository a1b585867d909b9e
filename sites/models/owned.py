"""`SiteOwned`: what every tenant row is. The only way to such rows in a request is `Model.of(site)`."""

from __future__ import annotations

from typing import Any, ClassVar, Self, TypeVar
from uuid import UUID

from django.db import models

from common.ids import new_id
from common.tenancy import everywhere_alias
from sites.models.site import Site

Row = TypeVar("Row", bound=models.Model, covariant=True)


class EverySite(models.Manager[Row]):
    """Rows of every site, by the role that row-level security lets pass; for the platform's own work only.

    On a page of the admin that a site's own people look at, the rows of that site: `common.tenancy.confined`.
    """

    def get_queryset(self) -> models.QuerySet[Row]:
        return super().get_queryset().using(everywhere_alias())


class SiteOwned(models.Model):
    """A row of one site. There is no `objects`: forgetting the site is not possible by accident."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+", editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_index=False)

    everywhere: ClassVar[EverySite[Any]] = EverySite["SiteOwned"]()

    class Meta:
        abstract = True

    @classmethod
    def of(cls, site_id: UUID) -> models.QuerySet[Self]:
        """The rows of one site, inside its `site_scope`."""
        return models.QuerySet(model=cls, using="default").filter(site_id=site_id)
