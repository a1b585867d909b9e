"""`/api/system/bootstrap`: where the guest of a cloud's machine redeems what its first boot was told."""

from __future__ import annotations

import dataclasses
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.api.filters import refuse_unknown
from common.api.serializers import StrictSerializer
from common.api.throttling import ByAddress
from instances import bootstrap
from instances.api.examples import ASKED, TOLD


class BootstrapsByAddress(ByAddress):
    """Many machines may stand behind one address, and each asks a few times."""

    what = "bootstraps"
    times = 2000


class BootstrapSerializer(StrictSerializer):
    """A machine's first word: which it is, and what its first boot was told."""

    machine = serializers.RegexField(r"^[0-9a-f]{32}-[0-9]{1,9}\Z", help_text="The machine's name at its provider.")
    token = serializers.CharField(max_length=128, help_text="What the first boot was told.")
    claim = serializers.CharField(
        min_length=32, max_length=128, help_text="A secret of the guest's own making: who asks again is known by it."
    )


class RedeemedSerializer(serializers.Serializer):
    """What the guest needs to dial in."""

    incarnation = serializers.CharField()
    token = serializers.CharField(help_text="The guest's own. A secret; it is told here and nowhere else.")
    gateway = serializers.CharField()
    flavour = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class BootstrapView(APIView):
    """For guests of a cloud's machines: nobody is asked who they are, the token says it."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes = [BootstrapsByAddress]

    @extend_schema(
        operation_id="redeem_bootstrap",
        tags=["system"],
        auth=[],
        request=BootstrapSerializer,
        responses={200: RedeemedSerializer},
        examples=[ASKED, TOLD],
    )
    def post(self, request: Request) -> Response:
        """Give a starting machine's guest its own token, for the one that its first boot was told. That is good once:
        409 where another claim was first, or where the machine does not start any more."""
        refuse_unknown(request, ())
        read = BootstrapSerializer(data=request.data)
        read.is_valid(raise_exception=True)
        redeemed = bootstrap.redeem(**read.validated_data)
        return Response(dataclasses.asdict(redeemed), headers={"Cache-Control": "no-store"})
