"""Everybody who must not be let in: keys that are none, and keys that were good once, by what became of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from common.tenancy import CREW
from sites.models import Agent, ApiKey, Membership, Site, User
from tests import make

_NO_KEYS = ["key", "Bearer", "keyabcdefghijkl_" + "x" * 43, "keyabcdefghijkl_" + "é" * 43, "\x7f", "x" * 5_000]


def refused(of: Site) -> dict[str, str]:
    """What each of them shows, by who they are; nobody shows nothing."""
    malformed = {f"malformed, {number}": secret for number, secret in enumerate(_NO_KEYS)}
    return {"nobody": "", **malformed, **_gone(of)}


def _gone(of: Site) -> dict[str, str]:
    revoked, first = make.key(of)
    _rows(ApiKey, revoked.pk).update(revoked_at=timezone.now())
    _, expired = make.key(of, expires_at=timezone.now() - timedelta(seconds=1))
    disabled, of_disabled = make.key(of)
    User.objects.using(CREW).filter(pk=disabled.user_id).update(is_active=False)
    removed, of_removed = make.key(of)
    Membership.everywhere.filter(user_id=removed.user_id).delete()
    agent = make.agent(of)
    _, of_agent = make.key(of, acts_for=agent)
    _rows(Agent, agent.pk).update(is_active=False)
    _, of_suspended = make.key(make.site(is_active=False))
    return {
        "revoked": first,
        "expired": expired,
        "of a disabled user": of_disabled,
        "of a removed member": of_removed,
        "of an agent that is off": of_agent,
        "of a suspended site": of_suspended,
    }


def _rows(model: Any, pk: Any) -> Any:
    return model.everywhere.filter(pk=pk)
