"""`/api/sites`, `/api/users`, `/api/memberships`, `/api/agents`, `/api/keys`, `/api/me` and `/api/tickets`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import DestroyModelMixin, ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from sites import keys, members, selectors, services, tickets
from sites.api import filters, serializers
from sites.api.base import Changes, Shows, SiteView
from sites.models import Agent, ApiKey, Membership, Site, User


class SiteViewSet(ListModelMixin, Shows, Changes):
    """The caller's site; for somebody signed in, all the sites that they are a member of."""

    serializer_class = serializers.SiteSerializer
    filterset_class = filters.SiteFilter
    search_fields = ["name"]
    ordering_fields = ["created_at", "updated_at", "name"]
    scopes = {"GET": "sites:read", "PUT": "sites:write", "PATCH": "sites:write"}
    site_in_path = True

    @property
    def site_optional(self) -> bool:
        return self.action == "list"

    def select(self) -> QuerySet[Site]:
        if self.action == "list" and isinstance(self.request.user, User):
            return keys.sites_of(self.request.user.pk)
        return selectors.site_of(self.principal)

    def perform_update(self, row: Site, changes: dict[str, Any]) -> Site:
        return services.update_site(self.principal, row, **changes)


class UserViewSet(ListModelMixin, Shows):
    """The people of the site."""

    serializer_class = serializers.UserSerializer
    filterset_class = filters.UserFilter
    search_fields = ["email", "name"]
    ordering_fields = ["created_at", "email", "name"]
    scopes = {"GET": "users:read", "POST": "users:write"}

    def select(self) -> QuerySet[User]:
        return selectors.members(self.principal)

    @extend_schema(request=serializers.NewMemberSerializer, responses={201: serializers.UserSerializer})
    def create(self, request: Request) -> Response:
        """A new person, as a member of this site. Somebody known already is added by `POST /api/memberships`."""
        wanted = self.valid(serializers.NewMemberSerializer)
        return self.answer(members.create_member(self.principal, **wanted), status=201)


class OwnUserView(SiteView):
    """The person behind the call."""

    scopes = {"GET": None, "PATCH": None}

    @extend_schema(operation_id="get_own_user", responses=serializers.UserSerializer)
    def get(self, request: Request) -> Response:
        return Response(serializers.UserSerializer(self._user()).data)

    @extend_schema(
        operation_id="patch_own_user",
        request=serializers.OwnNameSerializer,
        responses=serializers.UserSerializer,
    )
    def patch(self, request: Request) -> Response:
        """One's own name; for a person who is signed in, not for a key."""
        wanted = serializers.OwnNameSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        members.rename_own_user(self.principal, **wanted.validated_data)
        return Response(serializers.UserSerializer(self._user()).data)

    def _user(self) -> User:
        return get_object_or_404(selectors.own_user(self.principal))


class MembershipViewSet(ListModelMixin, DestroyModelMixin, Shows, Changes):
    """Who belongs to the site, and in which role."""

    serializer_class = serializers.MembershipSerializer
    filterset_class = filters.MembershipFilter
    search_fields = ["user__email", "user__name"]
    ordering_fields = ["created_at", "role"]
    scopes = {
        "GET": "memberships:read",
        "POST": "memberships:write",
        "PUT": "memberships:write",
        "PATCH": "memberships:write",
        "DELETE": "memberships:write",
    }

    def select(self) -> QuerySet[Membership]:
        return selectors.memberships(self.principal)

    @extend_schema(request=serializers.NewMembershipSerializer, responses={201: serializers.MembershipSerializer})
    def create(self, request: Request) -> Response:
        """Make a person of the platform a member of this site, too; not one whose password others have chosen."""
        wanted = self.valid(serializers.NewMembershipSerializer)
        return self.answer(members.add_member(self.principal, **wanted), status=201)

    def perform_update(self, row: Membership, changes: dict[str, Any]) -> Membership:
        return members.change_role(self.principal, row, **changes) if changes else row

    def perform_destroy(self, instance: Membership) -> None:
        members.remove_member(self.principal, instance)


class AgentViewSet(ListModelMixin, DestroyModelMixin, Shows, Changes):
    """Who acts for the site without being a person."""

    serializer_class = serializers.AgentSerializer
    filterset_class = filters.AgentFilter
    search_fields = ["name", "description"]
    ordering_fields = ["created_at", "updated_at", "name"]
    scopes = {
        "GET": "agents:read",
        "POST": "agents:write",
        "PUT": "agents:write",
        "PATCH": "agents:write",
        "DELETE": "agents:write",
    }

    def select(self) -> QuerySet[Agent]:
        return selectors.agents(self.principal)

    @extend_schema(responses={201: serializers.AgentSerializer})
    def create(self, request: Request) -> Response:
        return self.answer(services.create_agent(self.principal, **self.valid()), status=201)

    def perform_update(self, row: Agent, changes: dict[str, Any]) -> Agent:
        return services.update_agent(self.principal, row, **changes)

    def perform_destroy(self, instance: Agent) -> None:
        services.delete_agent(self.principal, instance)


class KeyViewSet(ListModelMixin, DestroyModelMixin, Shows):
    """The site's API keys. A key's secret is in the answer to its making and nowhere else."""

    serializer_class = serializers.KeySerializer
    filterset_class = filters.KeyFilter
    search_fields = ["name", "prefix"]
    ordering_fields = ["created_at", "name", "expires_at", "last_used_at"]
    scopes = {"GET": "keys:read", "POST": "keys:write", "DELETE": "keys:write"}

    def select(self) -> QuerySet[ApiKey]:
        return selectors.keys(self.principal)

    @extend_schema(request=serializers.NewKeySerializer, responses={201: serializers.MadeKeySerializer})
    def create(self, request: Request) -> Response:
        wanted = self.valid(serializers.NewKeySerializer)
        key, secret = services.create_key(self.principal, **wanted)
        shown = serializers.KeySerializer(key).data
        return Response({**shown, "api_key": secret}, status=201, headers={"Cache-Control": "no-store"})

    def perform_destroy(self, instance: ApiKey) -> None:
        """Revoked for good; the row stays as a record."""
        services.revoke_key(self.principal, instance)


class MeView(SiteView):
    """Who the caller is to us: site, role and scopes."""

    scoped = False
    scopes = {"GET": None}

    @extend_schema(operation_id="get_me", responses=serializers.PrincipalSerializer)
    def get(self, request: Request) -> Response:
        return Response(serializers.PrincipalSerializer(self.principal).data)


class TicketView(SiteView):
    """One-use tickets for sockets and EventSource, which cannot send a key."""

    scoped = False
    scopes = {"POST": None}

    @extend_schema(operation_id="create_ticket", request=None, responses={201: serializers.TicketSerializer})
    def post(self, request: Request) -> Response:
        ticket, expires_at = tickets.issue(self.principal)
        shown = serializers.TicketSerializer({"ticket": ticket, "expires_at": expires_at}).data
        return Response(shown, status=201, headers={"Cache-Control": "no-store"})
