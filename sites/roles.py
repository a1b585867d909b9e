"""What each role may do: the one table of roles and scopes. A scope is `noun:read`, `noun:write` or `noun:act`."""

from __future__ import annotations

from django.db.models import TextChoices


class Role(TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"


_VIEWER = frozenset(
    {
        "sites:read",
        "users:read",
        "memberships:read",
        "agents:read",
        "browser-states:read",
        "instances:read",
        "templates:read",
        "schedules:read",
        "recordings:read",
        "logs:read",
        "plans:read",
    }
)
_OPERATOR = _VIEWER | {
    "browser-states:write",
    "instances:write",
    "instances:act",
    "templates:write",
    "schedules:write",
    "recordings:write",
    "logs:write",
    "plans:write",
    "agents:write",
}
_ADMIN = _OPERATOR | {
    "audit:read",
    "keys:read",
    "keys:write",
    "memberships:write",
    "users:write",
    "invitations:read",
    "invitations:write",
    "webhooks:read",
    "webhooks:write",
}
_OWNER = _ADMIN | {"sites:write"}

SCOPES_OF_ROLE: dict[str, frozenset[str]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: _ADMIN,
    Role.OWNER: _OWNER,
}
ALL_SCOPES = sorted(_OWNER)


def effective_scopes(role: str, key_scopes: list[str]) -> frozenset[str]:
    """What a key may do: its role's scopes, narrowed to the key's own where it names any."""
    granted = SCOPES_OF_ROLE[role]
    return granted & frozenset(key_scopes) if key_scopes else granted
