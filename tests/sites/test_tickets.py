"""Tickets let their holder in once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis
from django.conf import settings

from common.errors import Invalid, NotFound, NotSignedIn
from common.realtime.credentials import Credentials
from sites import tickets
from sites.doorkeeper import MembersOnly
from sites.principal import Principal
from tests import make

pytestmark = pytest.mark.django_db


def _redeemed(ticket: str) -> Principal | None:
    try:
        return tickets.redeem(ticket)
    except NotSignedIn:
        return None


def test_a_ticket_carries_its_principal_once() -> None:
    principal = replace(make.principal(make.site(), "viewer"), agent_id=make.new_id(), key_id=make.new_id())
    ticket, _ = tickets.issue(principal)
    assert tickets.redeem(ticket) == replace(principal, via="ticket")
    assert _redeemed(ticket) is None


def test_of_many_who_show_one_ticket_at_once_one_is_let_in() -> None:
    ticket, _ = tickets.issue(make.principal(make.site()))
    with ThreadPoolExecutor(8) as crowd:
        assert sum(found is not None for found in crowd.map(_redeemed, [ticket] * 24)) == 1


def test_a_ticket_ends_after_half_a_minute_and_is_not_kept_in_clear() -> None:
    ticket, _ = tickets.issue(make.principal(make.site()))
    server = redis.Redis.from_url(settings.REDIS_URL)
    (name,) = server.keys("ticket:*")
    assert 0 < server.ttl(name) <= 30
    assert ticket.encode() not in name + server.get(name)


@pytest.mark.parametrize("ticket", ["", "ticket_x", "\udcff", "x" * 5000])
def test_an_unknown_ticket_is_refused(ticket: str) -> None:
    assert _redeemed(ticket) is None


def test_the_api_hands_out_tickets() -> None:
    site = make.site()
    answer = make.client(site, "viewer").post("/api/tickets")
    assert answer.status_code == 201 and set(answer.json()) == {"ticket", "expires_at"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert tickets.redeem(answer.json()["ticket"]).site_id == site.pk


def test_the_doorkeeper_takes_tickets_keys_and_sessions() -> None:
    door, site, other = MembersOnly(), make.site(), make.site()
    member = make.member(site)
    _, secret = make.key(site, membership=member)
    ticket, _ = tickets.issue(make.principal(site, user_id=member.user_id))
    for shown in (Credentials(ticket=ticket), Credentials(key=secret), Credentials(user=member.user)):
        principal = door.admit(shown)
        assert (principal.site_id, principal.user_id) == (site.pk, member.user_id)
        door.recheck(principal)
    with pytest.raises(NotSignedIn):
        door.admit(Credentials())
    with pytest.raises(NotFound):
        door.admit(Credentials(key=secret, site=str(other.pk)))
    with pytest.raises(Invalid):
        door.admit(Credentials(key=secret, site="nowhere"))
