"""`/api/providers`: where a site may have its machines made."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import refuse_unknown
from instances import placing
from instances.flavours import FLAVOURS
from instances.models import Instance
from sites.api.base import SiteView


class OfferSerializer(serializers.Serializer):
    """One provider, by the names that a request or a template calls it and its region."""

    name = serializers.CharField()
    region = serializers.CharField(allow_blank=True, help_text="Empty: it has none.")
    instance_types = serializers.ListField(child=serializers.ChoiceField(Instance.TYPES))


class OffersSerializer(serializers.Serializer):
    """The first that makes machines of a type is taken where nobody chooses."""

    providers = OfferSerializer(many=True)


class ProvidersView(SiteView):
    """Where a site's machines may be made. The platform's operators decide."""

    scopes = {"GET": "instances:read"}
    scoped = False

    @extend_schema(responses=OffersSerializer)
    def get(self, request: Request) -> Response:
        """In order of preference."""
        refuse_unknown(request, ())
        self.principal.must("instances:read")
        offers = placing.offered_to(self.principal.site_id)
        shown = [
            {
                "name": each.name,
                "region": each.region,
                "instance_types": [name for name in FLAVOURS if each.makes(name)],
            }
            for each in offers
        ]
        return Response(OffersSerializer({"providers": shown}).data)
