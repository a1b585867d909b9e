"""The same rows in plain REST framework, as its tutorial would have it: what `bench.lists` compares with.

A ModelSerializer, the key looked up in each request, a count, limit and offset. Kindly so: no row-level security,
pooled connections, the names of environment variables without opening a seal.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from django.urls import include, path
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework import generics, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer

from instances.models import Instance
from sites.models import ApiKey


class PlainKey(BaseAuthentication):
    def authenticate(self, request: Any) -> tuple[Any, ApiKey]:
        secret = request.headers.get("authorization", "").removeprefix("Bearer ")
        found = ApiKey.everywhere.select_related("user").filter(
            prefix=secret.partition("_")[0], revoked_at=None, user__is_active=True, site__is_active=True
        )
        key = found.first()
        if key is None or not hmac.compare_digest(bytes(key.key_hash), hashlib.sha256(secret.encode()).digest()):
            raise AuthenticationFailed()
        return key.user, key


class PlainSerializer(serializers.ModelSerializer):
    provider_ref = serializers.ReadOnlyField()
    cdp_url = serializers.ReadOnlyField()

    class Meta:
        model = Instance
        fields = (
            *("id", "name", "instance_type", "status", "status_reason", "desired_state", "site", "user", "agent"),
            *("created_by", "configuration", "environment_names", "tools_enabled", "provider", "provider_ref"),
            *("cdp_url", "incarnation", "generation", "last_screenshot_at", "last_activity_at"),
            *("total_commands_executed", "created_at", "updated_at", "started_at", "stopped_at"),
        )
        read_only_fields = fields


class PlainFilter(FilterSet):
    class Meta:
        model = Instance
        fields = ["status", "instance_type", "name"]


class PlainPages(LimitOffsetPagination):
    default_limit = 50


class PlainList(generics.ListAPIView):
    authentication_classes = [PlainKey]
    permission_classes = [IsAuthenticated]
    renderer_classes = [JSONRenderer]
    pagination_class = PlainPages
    filter_backends = [DjangoFilterBackend]
    filterset_class = PlainFilter
    serializer_class = PlainSerializer

    def get_queryset(self) -> Any:
        mine = Instance.everywhere.filter(site_id=self.request.auth.site_id, deleted_at=None)
        return mine.defer("environment_variables").order_by("-id")


urlpatterns = [path("plain/instances", PlainList.as_view()), path("", include("orchestrator.urls"))]
