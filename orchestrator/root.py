"""`/api/`: what there is, with links; where a person or a program that knows nothing of us begins."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orchestrator.browsable.links import NOUNS, is_known
from sites.api.authentication import MemberSessionAuthentication

_BESIDES = {"me": "me", "docs": "docs", "schema": "schema", "health": "health", "sign_in": "rest_framework:login"}


class RootSerializer(serializers.Serializer):
    """Addresses by name."""

    version = serializers.CharField()
    nouns = serializers.DictField(child=serializers.URLField(), help_text="The lists, one a noun.")
    besides = serializers.DictField(child=serializers.URLField(), help_text="Who you are, docs, health, signing in.")


class RootView(APIView):
    """Remote machines that people and AI agents work on. Everything here is JSON to programs and a page to browsers."""

    # Open to all: a key, good or bad, is not looked at; a session is, so that the page can say who is signed in.
    authentication_classes = [MemberSessionAuthentication]
    permission_classes = [AllowAny]
    site_optional = True

    @extend_schema(
        operation_id="get_root",
        tags=["root"],
        auth=[],
        responses=RootSerializer,
        examples=[OpenApiExample("Root", response_only=True, value={"version": "0.1.0", "nouns": {}, "besides": {}})],
    )
    def get(self, request: Request) -> Response:
        nouns = {noun: _ours(f"/api/{noun}") for noun in NOUNS if is_known(f"/api/{noun}")}
        besides = {name: _ours(reverse(route)) for name, route in _BESIDES.items()}
        return Response({"version": settings.VERSION, "nouns": nouns, "besides": besides})

    def get_view_name(self) -> str:
        return "Orchestrator API"


def _ours(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}"
