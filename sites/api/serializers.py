"""The JSON of sites, people, agents and keys."""

from __future__ import annotations

import zoneinfo
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from common.api.serializers import StrictModelSerializer, StrictSerializer
from sites.models import Agent, ApiKey, AuditEntry, Invitation, Membership, Site, User
from sites.models.invitation import InvitationStatus
from sites.roles import ALL_SCOPES, Role


class SiteSerializer(StrictModelSerializer):
    """A team and all that is theirs: the tenant."""

    tolerated = frozenset({"id", "is_active", "created_at", "updated_at"})

    class Meta:
        model = Site
        fields = ["id", "name", "time_zone", "log_retention_days", "is_active", "created_at", "updated_at"]
        read_only_fields = ["id", "is_active", "created_at", "updated_at"]

    def validate_time_zone(self, name: str) -> str:
        if name not in zoneinfo.available_timezones():
            raise serializers.ValidationError("No such time zone; an IANA name such as Europe/Berlin.")
        return name


class UserSerializer(StrictModelSerializer):
    """A person who signs in."""

    class Meta:
        model = User
        fields = ["id", "email", "name", "is_active", "created_at"]
        read_only_fields = fields


class NewMemberSerializer(StrictSerializer):
    """A person who gets an account and a place in the site at once; without a password they ask for a new one."""

    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.VIEWER)
    password = serializers.CharField(
        min_length=10, max_length=200, required=False, write_only=True, trim_whitespace=False
    )


class OwnNameSerializer(StrictSerializer):
    """What people change about themselves."""

    name = serializers.CharField(max_length=200, allow_blank=True)


class MembershipSerializer(StrictModelSerializer):
    """A person's place in a site, with a role."""

    user_id = serializers.UUIDField(read_only=True)
    site_id = serializers.UUIDField(read_only=True)
    tolerated = frozenset({"id", "site_id", "user_id", "created_at"})

    class Meta:
        model = Membership
        fields = ["id", "site_id", "user_id", "role", "created_at"]
        read_only_fields = ["id", "created_at"]


@extend_schema_serializer(
    examples=[OpenApiExample("By email", {"email": "ada@example.com", "role": "operator"}, request_only=True)]
)
class NewMembershipSerializer(StrictSerializer):
    """Names a person by `user_id` or by `email`."""

    tolerated = frozenset({"site_id"})
    user_id = serializers.UUIDField(required=False)
    email = serializers.EmailField(required=False, max_length=254)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.VIEWER)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("user_id" in attrs) == ("email" in attrs):
            raise serializers.ValidationError("Name the person by either user_id or email.")
        return attrs


class InvitationSerializer(StrictModelSerializer):
    """An invitation without its token, which is in the letter and nowhere else."""

    site_id = serializers.UUIDField(read_only=True)
    invited_by = serializers.UUIDField(source="invited_by_id", read_only=True, allow_null=True)
    status = serializers.ChoiceField(choices=InvitationStatus.choices, read_only=True)

    class Meta:
        model = Invitation
        fields = [
            "id",
            "site_id",
            "email",
            "role",
            "status",
            "invited_by",
            "expires_at",
            "mailed_at",
            "accepted_at",
            "revoked_at",
            "created_at",
        ]
        read_only_fields = fields


class NewInvitationSerializer(StrictSerializer):
    """Whom to invite, and as what."""

    tolerated = frozenset({"site_id"})
    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.VIEWER)


class AcceptedInvitationSerializer(StrictSerializer):
    """Somebody new chooses a password; somebody who has an account by a password of their own sends none."""

    token = serializers.CharField(max_length=200)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    password = serializers.CharField(min_length=10, max_length=200, required=False, trim_whitespace=False)


class PasswordResetSerializer(StrictSerializer):
    """Whose password was forgotten."""

    email = serializers.EmailField(max_length=254)


class NewPasswordSerializer(StrictSerializer):
    """The letter's token, and the password from now on."""

    token = serializers.CharField(max_length=200)
    password = serializers.CharField(min_length=10, max_length=200, trim_whitespace=False)


class AgentSerializer(StrictModelSerializer):
    """A program that acts for a site."""

    site_id = serializers.UUIDField(read_only=True)
    tolerated = frozenset({"id", "site_id", "created_at", "updated_at"})

    class Meta:
        model = Agent
        fields = ["id", "site_id", "name", "description", "is_active", "created_at", "updated_at"]
        read_only_fields = ["id", "created_at", "updated_at"]


class KeySerializer(StrictModelSerializer):
    """A key without its secret, which no reply but the one to its making holds."""

    site_id = serializers.UUIDField(read_only=True)
    user_id = serializers.UUIDField(read_only=True)
    agent_id = serializers.UUIDField(read_only=True, allow_null=True)

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "site_id",
            "user_id",
            "agent_id",
            "name",
            "prefix",
            "scopes",
            "expires_at",
            "last_used_at",
            "revoked_at",
            "created_at",
        ]
        read_only_fields = fields


class NewKeySerializer(StrictSerializer):
    """What a new key may do, and until when."""

    tolerated = frozenset({"site_id"})
    name = serializers.CharField(max_length=200)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=[(scope, scope) for scope in ALL_SCOPES]),
        required=False,
        max_length=len(ALL_SCOPES),
        help_text="Left out or empty: all that the key's user may do; today, where that is not the caller.",
    )
    user_id = serializers.UUIDField(required=False, help_text="The member it acts for; by default, the caller.")
    agent_id = serializers.UUIDField(required=False, allow_null=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class MadeKeySerializer(KeySerializer):
    """A new key with its secret. It is shown this once."""

    api_key = serializers.CharField(read_only=True, help_text="The key itself. It is not shown again.")

    class Meta(KeySerializer.Meta):
        fields = [*KeySerializer.Meta.fields, "api_key"]
        read_only_fields = fields


class PrincipalSerializer(StrictSerializer):
    """Who the caller is to us."""

    site_id = serializers.UUIDField(read_only=True)
    user_id = serializers.UUIDField(read_only=True)
    agent_id = serializers.UUIDField(read_only=True, allow_null=True)
    key_id = serializers.UUIDField(read_only=True, allow_null=True)
    role = serializers.ChoiceField(choices=Role.choices, read_only=True)
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)
    via = serializers.ChoiceField(choices=["key", "session", "ticket", "console"], read_only=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {**super().to_representation(instance), "scopes": sorted(instance.scopes)}


class AuditSerializer(StrictModelSerializer):
    """Who did what to which row, and from where."""

    user_id = serializers.UUIDField(read_only=True, allow_null=True)
    agent_id = serializers.UUIDField(read_only=True, allow_null=True)
    key_id = serializers.UUIDField(read_only=True, allow_null=True)
    details = serializers.DictField(read_only=True)

    class Meta:
        model = AuditEntry
        fields = [
            "id",
            "created_at",
            "action",
            "target_type",
            "target_id",
            "target_name",
            "user_id",
            "agent_id",
            "key_id",
            "via",
            "address",
            "request_id",
            "details",
        ]
        read_only_fields = fields


class TicketSerializer(StrictSerializer):
    """Good for one entry, as `?ticket=…` of a socket or an event stream."""

    ticket = serializers.CharField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True)
