"""Whose streams are ended: whoever would not be given their address today, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from common.ids import new_id
from common.tenancy import CREW
from common.tokens import Bearer
from instances import bearers, ports
from instances.guestlink import GuestUnreachable
from sites.models import Agent, ApiKey, Membership, Site, User
from sites.roles import Role
from tests import make
from tests.doubles import FakeGuests

pytestmark = pytest.mark.django_db


@pytest.fixture
def guests(monkeypatch: pytest.MonkeyPatch) -> FakeGuests:
    fake = FakeGuests()
    monkeypatch.setitem(ports._plugged, "guests", fake)
    return fake


@pytest.fixture
def key() -> ApiKey:
    """Of an agent, by an operator who is in a second site as well."""
    site = make.site()
    member = make.member(site, Role.OPERATOR)
    make.member(make.site(), Role.OWNER, who=member.user)
    return make.key(site, membership=member, acts_for=make.agent(site))[0]


def held(key: ApiKey, *, by_key: bool = True, purpose: str = "cdp", mode: str = "") -> Bearer:
    shown = str(key.pk) if by_key else ""
    return Bearer(purpose=purpose, mode=mode, site=str(key.site_id), user=str(key.user_id), key=shown)


ALL: list[dict[str, Any]] = [
    {"purpose": "cdp"},
    {"purpose": "frames"},
    {"purpose": "view", "mode": "watch"},
    {"purpose": "view", "mode": "drive"},
]
GONE = {
    "the key is revoked": lambda key: _of(ApiKey, key.pk).update(revoked_at=timezone.now()),
    "the key has expired": lambda key: _of(ApiKey, key.pk).update(expires_at=timezone.now() - timedelta(seconds=1)),
    "the agent is switched off": lambda key: _of(Agent, key.agent_id).update(is_active=False),
    "the member is removed": lambda key: Membership.everywhere.filter(
        site_id=key.site_id, user_id=key.user_id
    ).delete(),
    "the user is disabled": lambda key: User.objects.using(CREW).filter(pk=key.user_id).update(is_active=False),
    "the site is suspended": lambda key: Site.objects.using(CREW).filter(pk=key.site_id).update(is_active=False),
}
BY_SESSION = {"the member is removed", "the user is disabled", "the site is suspended"}


def _of(model: Any, pk: UUID) -> Any:
    return model.everywhere.filter(pk=pk)


def test_whoever_may_goes_on(guests: FakeGuests, key: ApiKey) -> None:
    guests.held = [held(key, by_key=by_key, **what) for what in ALL for by_key in (True, False)]
    assert bearers.end_the_gone() == 0
    assert len(guests.held) == 8


@pytest.mark.parametrize("why", GONE)
def test_whoever_is_gone_holds_nothing_any_more(guests: FakeGuests, key: ApiKey, why: str) -> None:
    other, _ = make.key(make.site())
    guests.held = [held(other), *(held(key, by_key=by_key, **what) for what in ALL for by_key in (True, False))]
    GONE[why](key)
    gone = 8 if why in BY_SESSION else 4
    assert bearers.end_the_gone() == gone
    assert held(other) in guests.held and len(guests.held) == 9 - gone


def test_a_lower_role_or_fewer_scopes_end_what_they_do_not_allow(guests: FakeGuests, key: ApiKey) -> None:
    guests.held = [held(key, **what) for what in ALL]
    Membership.everywhere.filter(site_id=key.site_id, user_id=key.user_id).update(role=Role.VIEWER)
    assert bearers.end_the_gone() == 2
    assert {(bearer.purpose, bearer.mode) for bearer in guests.held} == {("frames", ""), ("view", "watch")}
    ApiKey.everywhere.filter(pk=key.pk).update(scopes=["logs:read"])
    assert bearers.end_the_gone() == 2


def test_a_token_that_names_nobody_or_a_strangers_key_ends(guests: FakeGuests, key: ApiKey) -> None:
    elsewhere, _ = make.key(make.site())
    guests.held = [
        Bearer(purpose="cdp"),
        Bearer(purpose="unknown", site=str(key.site_id), user=str(key.user_id)),
        Bearer(purpose="cdp", site=str(new_id()), user=str(key.user_id)),
        Bearer(purpose="cdp", site=str(key.site_id), user=str(key.user_id), key=str(elsewhere.pk)),
    ]
    assert bearers.end_the_gone() == 4


def test_an_operator_of_the_platform_may_watch_every_site(guests: FakeGuests, key: ApiKey) -> None:
    operator = make.user(is_superuser=True)
    guests.held = [Bearer(purpose="view", mode="watch", site=str(key.site_id), user=str(operator.pk))]
    assert bearers.end_the_gone() == 0
    User.objects.using(CREW).filter(pk=operator.pk).update(is_active=False)
    assert bearers.end_the_gone() == 1


def test_it_costs_three_statements_for_any_number(
    guests: FakeGuests, key: ApiKey, django_assert_num_queries: Any
) -> None:
    guests.held = [held(key, **what) for what in ALL] + [held(make.key(make.site())[0]) for _ in range(5)]
    with django_assert_num_queries(3, using=CREW):
        assert bearers.end_the_gone() == 0


def test_a_gateway_that_is_away_is_asked_again(guests: FakeGuests, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise GuestUnreachable("the gateway is not there")

    monkeypatch.setattr(guests, "bearers", away)
    assert bearers.end_the_gone() == 0


def test_a_recordings_own_stream_is_nobodys_and_goes_on(guests: FakeGuests, key: ApiKey) -> None:
    own = Bearer(purpose="frames", mode=bearers.RECORDER, site=str(key.site_id))
    guests.held = [own, Bearer(purpose="frames", site=str(key.site_id))]
    assert bearers.end_the_gone() == 1
    assert own in guests.held
