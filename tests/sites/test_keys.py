"""Who is let in by a key, and at what cost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from common.errors import NotSignedIn
from common.tenancy import CREW
from sites import keys
from sites.models import Agent, ApiKey, Membership, Site, User
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    keys.forget()


def test_a_key_says_who_acts_where_and_may_do_what() -> None:
    site = make.site()
    member, agent = make.member(site, "operator"), make.agent(site)
    row, secret = make.key(site, membership=member, acts_for=agent, scopes=["instances:read", "keys:write"])
    principal = keys.find_principal(secret)
    assert (principal.site_id, principal.user_id, principal.agent_id) == (site.pk, member.user_id, agent.pk)
    assert (principal.role, principal.via, principal.key_id) == ("operator", "key", row.pk)
    assert principal.scopes == {"instances:read"}  # an operator has no keys:write to pass on


def test_the_row_keeps_no_secret() -> None:
    row, secret = make.key(make.site())
    assert secret.startswith(f"{row.prefix}_") and len(secret) == len(row.prefix) + 1 + 43
    assert len(bytes(row.key_hash)) == 32
    assert secret.removeprefix(row.prefix).encode() not in bytes(row.key_hash)


def _broken(kind: str) -> str:
    site = make.site()
    member, agent = make.member(site), make.agent(site)
    row, secret = make.key(site, membership=member, acts_for=agent)
    past = timezone.now() - timedelta(seconds=1)
    match kind:
        case "revoked":
            ApiKey.everywhere.filter(pk=row.pk).update(revoked_at=past)
        case "expired":
            ApiKey.everywhere.filter(pk=row.pk).update(expires_at=past)
        case "of a removed member":
            Membership.everywhere.filter(pk=member.pk).delete()
        case "of an inactive user":
            User.objects.filter(pk=member.user_id).update(is_active=False)
        case "of an inactive site":
            Site.objects.using(CREW).filter(pk=site.pk).update(is_active=False)
        case "of an inactive agent":
            Agent.everywhere.filter(pk=agent.pk).update(is_active=False)
        case "with another secret":
            return secret[:-1] + ("A" if secret[-1] != "A" else "B")
        case "with an unknown prefix":
            return "key" + "a" * 12 + secret[15:]
        case "cut short":
            return secret[:-1]
        case "empty":
            return ""
        case "not ASCII":
            return "ключ_" + secret
        case "a lone surrogate":
            return "\udcff"
    return secret


KINDS = [
    "revoked",
    "expired",
    "of a removed member",
    "of an inactive user",
    "of an inactive site",
    "of an inactive agent",
    "with another secret",
    "with an unknown prefix",
    "cut short",
    "empty",
    "not ASCII",
    "a lone surrogate",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_is_not_good_is_refused(kind: str) -> None:
    with pytest.raises(NotSignedIn):
        keys.find_principal(_broken(kind))


def test_a_good_key_is_let_in() -> None:
    assert keys.find_principal(_broken("nothing"))


def test_a_key_costs_one_query_and_remembered_none() -> None:
    _, secret = make.key(make.site())
    keys.find_principal(secret)
    keys.forget()
    with CaptureQueriesContext(connections["default"]) as asked, CaptureQueriesContext(connections[CREW]) as by_crew:
        keys.find_principal(secret)
    assert (len(asked), len(by_crew)) == (1, 0)
    with CaptureQueriesContext(connections["default"]) as asked, CaptureQueriesContext(connections[CREW]) as by_crew:
        keys.find_principal(secret)
    assert (len(asked), len(by_crew)) == (0, 0)


def test_use_is_noted_once_a_minute() -> None:
    row, secret = make.key(make.site())
    keys.find_principal(secret)
    first = ApiKey.everywhere.get(pk=row.pk).last_used_at
    assert first is not None
    keys.forget()
    keys.find_principal(secret)
    assert ApiKey.everywhere.get(pk=row.pk).last_used_at == first
    ApiKey.everywhere.filter(pk=row.pk).update(last_used_at=first - timedelta(minutes=2))
    keys.forget()
    keys.find_principal(secret)
    assert ApiKey.everywhere.get(pk=row.pk).last_used_at > first


def test_an_expiry_ends_a_remembered_key_too(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = timezone.now() + timedelta(hours=1)
    _, secret = make.key(make.site(), expires_at=ends)
    assert keys.find_principal(secret)
    monkeypatch.setattr(keys.timezone, "now", lambda: ends)
    with pytest.raises(NotSignedIn):
        keys.find_principal(secret)


def test_a_revocation_in_another_process_holds_after_the_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    row, secret = make.key(make.site())
    assert keys.find_principal(secret)
    ApiKey.everywhere.filter(pk=row.pk).update(revoked_at=timezone.now())  # nobody here is told
    assert keys.REMEMBERED_S <= 5
    later = keys.time.monotonic() + keys.REMEMBERED_S + 0.001
    monkeypatch.setattr(keys.time, "monotonic", lambda: later)
    with pytest.raises(NotSignedIn):
        keys.find_principal(secret)


def test_a_key_revoked_while_it_was_looked_up_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    row, secret = make.key(make.site())
    look = keys._row

    def looked_up_just_before(shown: str) -> object:
        found = look(shown)
        ApiKey.everywhere.filter(pk=row.pk).update(revoked_at=timezone.now())
        keys.forget()
        return found

    monkeypatch.setattr(keys, "_row", looked_up_just_before)
    assert keys.find_principal(secret)
    monkeypatch.setattr(keys, "_row", look)
    with pytest.raises(NotSignedIn):
        keys.find_principal(secret)


def test_standing_ends_with_the_key_or_the_membership() -> None:
    site = make.site()
    member = make.member(site)
    row, secret = make.key(site, membership=member)
    by_key = keys.find_principal(secret)
    by_session = keys.principal_of_session(member.user, None)
    keys.check_standing(by_key)
    keys.check_standing(by_session)
    ApiKey.everywhere.filter(pk=row.pk).update(revoked_at=timezone.now())
    with pytest.raises(NotSignedIn):
        keys.check_standing(by_key)
    keys.check_standing(by_session)
    member.delete(using=CREW)
    with pytest.raises(NotSignedIn):
        keys.check_standing(by_session)
