"""`/api/invitations` and `/api/password-resets`: how people get in, and in again."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import DestroyModelMixin, ListModelMixin
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from common.api.filters import refuse_unknown
from sites import invitations, passwords, selectors
from sites.api import filters, serializers, throttling
from sites.api.base import Shows
from sites.models import Invitation


class InvitationViewSet(ListModelMixin, DestroyModelMixin, Shows):
    """Who was asked into the site. The token is in the letter to them and in no answer."""

    serializer_class = serializers.InvitationSerializer
    filterset_class = filters.InvitationFilter
    search_fields = ["email"]
    ordering_fields = ["created_at", "expires_at", "email"]
    scopes = {"GET": "invitations:read", "POST": "invitations:write", "DELETE": "invitations:write"}

    def select(self) -> QuerySet[Invitation]:
        return selectors.invitations(self.principal)

    def get_throttles(self) -> list[BaseThrottle]:
        if self.action != "create":
            return super().get_throttles()
        return [*super().get_throttles(), throttling.InvitationsBySite(), throttling.InvitationsByEmail()]

    @extend_schema(request=serializers.NewInvitationSerializer, responses={201: serializers.InvitationSerializer})
    def create(self, request: Request) -> Response:
        """Ask somebody into the site by mail; in a role that is not above yours. An earlier open invitation ends."""
        wanted = self.valid(serializers.NewInvitationSerializer)
        return self.answer(invitations.invite(self.principal, **wanted), status=201)

    def perform_destroy(self, instance: Invitation) -> None:
        """Its token works no more; the row stays as a record."""
        invitations.revoke_invitation(self.principal, instance)


class _OpenView(APIView):
    """For whoever holds a token, or lost their password: nobody is asked who they are.

    So there is nobody whose Idempotency-Key it could be; a token works once, and a letter asked for twice comes twice.
    """

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def body(self, serializer_class: type[Any]) -> dict[str, Any]:
        refuse_unknown(self.request, ())
        read = serializer_class(data=self.request.data)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)


class AcceptInvitationView(_OpenView):
    """Take an invitation by the token in its letter."""

    throttle_classes = [throttling.TokensByAddress]

    @extend_schema(request=serializers.AcceptedInvitationSerializer, responses={201: serializers.MembershipSerializer})
    def post(self, request: Request) -> Response:
        """Somebody new chooses a password. Somebody who has an account joins with that; and chooses one if others have
        chosen theirs. The token is spent by it."""
        membership = invitations.accept(**self.body(serializers.AcceptedInvitationSerializer))
        return Response(serializers.MembershipSerializer(membership).data, status=201)


class PasswordResetView(_OpenView):
    """Ask for a letter with a token for a new password."""

    throttle_classes = [throttling.ResetsByAddress, throttling.ResetsByEmail]

    @extend_schema(
        operation_id="request_password_reset", request=serializers.PasswordResetSerializer, responses={202: None}
    )
    def post(self, request: Request) -> Response:
        """202 whatever the email: who has an account here is not told."""
        passwords.request_reset(**self.body(serializers.PasswordResetSerializer))
        return Response(status=202)


class ConfirmPasswordResetView(_OpenView):
    """Set a new password by the token in the letter."""

    throttle_classes = [throttling.TokensByAddress]

    @extend_schema(request=serializers.NewPasswordSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """The token is spent by it, and every session of this person ends. API keys stay."""
        passwords.confirm_reset(**self.body(serializers.NewPasswordSerializer))
        return Response(status=204)
