"""`/api/sites/{id}/usage`: a site's quotas, and what is used of them."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import refuse_unknown
from common.errors import NotFound
from instances import usage
from sites.api.base import SiteView


class QuotaSerializer(serializers.Serializer):
    """One quota. Null as a limit: there is none; as what is used: nobody counts."""

    quota = serializers.CharField(help_text="`instances`, `running`, `provisioning`, `instances.browser`, …")
    limit = serializers.IntegerField(allow_null=True)
    used = serializers.IntegerField(allow_null=True)
    remaining = serializers.IntegerField(allow_null=True)


class UsageSerializer(serializers.Serializer):
    """What a 429 `QUOTA_EXCEEDED` names in `details.quota` stands here under the same name."""

    site_id = serializers.UUIDField()
    quotas = QuotaSerializer(many=True)


class UsageView(SiteView):
    """How much of its quotas a site uses."""

    scopes = {"GET": "sites:read"}
    site_in_path = True

    @extend_schema(responses=UsageSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """Counted now, from the rows. The platform's operators set the limits."""
        refuse_unknown(request, ())
        if pk != self.principal.site_id:
            raise NotFound("No such site.")
        shown = UsageSerializer({"site_id": pk, "quotas": usage.report(self.principal)})
        return Response(shown.data)
