"""Nobody hands out more than they have, and a site keeps an owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from common.errors import Conflict, Forbidden, Invalid, NotSignedIn
from sites import keys, members, services
from sites.models import ApiKey, Membership, User
from sites.roles import SCOPES_OF_ROLE, Role
from tests import make

pytestmark = pytest.mark.django_db


def test_the_last_owner_is_neither_removed_nor_demoted() -> None:
    site = make.site()
    owner = make.member(site)
    make.member(site, Role.ADMIN)
    principal = make.principal(site, user_id=owner.user_id)
    with pytest.raises(Conflict) as refusal:
        members.remove_member(principal, owner)
    assert refusal.value.code == "LAST_OWNER"
    with pytest.raises(Conflict):
        members.change_role(principal, owner, role=Role.ADMIN)
    assert Membership.everywhere.get(pk=owner.pk).role == Role.OWNER


def test_an_owner_who_cannot_come_in_is_not_one_that_remains() -> None:
    site = make.site()
    owner, disabled = make.member(site), make.member(site, who=make.user(is_active=False))
    principal = make.principal(site, user_id=owner.user_id)
    for leaves in (
        lambda: members.remove_member(principal, owner),
        lambda: members.change_role(principal, owner, role="viewer"),
    ):
        with pytest.raises(Conflict) as refusal:
            leaves()
        assert refusal.value.code == "LAST_OWNER"
    members.remove_member(principal, disabled)
    assert Membership.everywhere.get(site=site).pk == owner.pk


def test_two_owners_who_remove_each_other_at_once_leave_one() -> None:
    site = make.site()
    first, second = make.member(site), make.member(site)

    def remove(pair: tuple[Membership, Membership]) -> bool:
        mine, theirs = pair
        try:
            members.remove_member(make.principal(site, user_id=mine.user_id), theirs)
        except (Conflict, Membership.DoesNotExist):
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(2) as both:
        assert sum(both.map(remove, [(first, second), (second, first)])) == 1
    assert Membership.everywhere.filter(site=site, role=Role.OWNER).count() == 1


def test_an_admin_makes_admins_but_no_owners_and_touches_none() -> None:
    site = make.site()
    owner, admin, viewer = make.member(site), make.member(site, "admin"), make.member(site, "viewer")
    make.member(site)
    principal = make.principal(site, "admin", user_id=admin.user_id)
    assert members.change_role(principal, viewer, role="admin").role == "admin"
    for forbidden in (
        lambda: members.change_role(principal, viewer, role="owner"),
        lambda: members.change_role(principal, owner, role="viewer"),
        lambda: members.remove_member(principal, owner),
        lambda: members.create_member(principal, email="new@example.com", role="owner"),
        lambda: members.add_member(principal, user_id=make.user().pk, role="owner"),
    ):
        with pytest.raises(Forbidden):
            forbidden()
    assert not User.objects.filter(email="new@example.com").exists()


def test_a_narrow_key_of_an_owner_can_not_grant_what_it_lacks() -> None:
    site = make.site()
    principal = replace(make.principal(site), scopes=frozenset({"memberships:write", "keys:write", "sites:read"}))
    with pytest.raises(Forbidden):
        members.add_member(principal, user_id=make.user().pk, role="viewer")
    with pytest.raises(Forbidden):
        services.create_key(principal, name="wider", scopes=["instances:act"])
    key, secret = services.create_key(principal, name="all of it")
    assert keys.find_principal(secret).scopes == principal.scopes
    assert set(key.scopes) == principal.scopes


def test_a_key_that_shares_nothing_with_its_maker_is_not_made() -> None:
    """No scopes in a row would be read as all of the role's."""
    site = make.site()
    narrow = replace(make.principal(site, "admin"), scopes=frozenset({"keys:write"}))
    with pytest.raises(Forbidden):
        services.create_key(narrow, name="all of theirs", user_id=make.member(site, "operator").user_id)
    assert not ApiKey.everywhere.exists()


def test_a_key_for_somebody_else_does_not_rise_with_them() -> None:
    site = make.site()
    admin, riser = make.principal(site, "admin"), make.member(site, "viewer")
    _, theirs = services.create_key(admin, name="theirs", user_id=riser.user_id)
    _, own = services.create_key(admin, name="own")
    before = keys.find_principal(theirs).scopes
    members.change_role(make.principal(site), riser, role="owner")
    assert keys.find_principal(theirs).scopes == before == SCOPES_OF_ROLE["viewer"]
    members.change_role(make.principal(site), Membership.everywhere.get(user_id=admin.user_id), role="owner")
    assert keys.find_principal(own).scopes == SCOPES_OF_ROLE["owner"]


def test_a_new_person_is_made_with_their_membership() -> None:
    site = make.site()
    person = members.create_member(make.principal(site), email="New@Example.com", role="viewer", password=make.PASSWORD)
    kept = User.objects.get(pk=person.pk)
    assert (kept.email, kept.check_password(make.PASSWORD)) == ("new@example.com", True)
    assert Membership.everywhere.get(user=kept).role == "viewer"


def test_a_person_known_elsewhere_is_added_and_not_made_twice() -> None:
    ours, theirs = make.site(), make.site()
    known = make.member(theirs).user
    principal = make.principal(ours)
    with pytest.raises(Conflict) as refusal:
        members.create_member(principal, email=known.email.upper(), role="viewer")
    assert refusal.value.code == "EMAIL_TAKEN"
    assert members.add_member(principal, email=known.email.upper(), role="viewer").user_id == known.pk
    with pytest.raises(Conflict) as refusal:
        members.add_member(principal, user_id=known.pk, role="admin")
    assert refusal.value.code == "ALREADY_MEMBER"
    with pytest.raises(Invalid):
        members.add_member(principal, user_id=make.new_id(), role="viewer")


@pytest.mark.parametrize("password", ["short", "password123"])
def test_a_guessable_password_is_refused(password: str) -> None:
    with pytest.raises(Invalid):
        members.create_member(make.principal(make.site()), email="a@example.com", role="viewer", password=password)


def test_a_removed_members_keys_end_at_once_and_for_good() -> None:
    site = make.site()
    owner, leaver = make.principal(site), make.member(site, "operator")
    _, secret = make.key(site, membership=leaver)
    assert keys.find_principal(secret)
    members.remove_member(owner, leaver)
    with pytest.raises(NotSignedIn):
        keys.find_principal(secret)
    members.add_member(owner, user_id=leaver.user_id, role="operator")
    with pytest.raises(NotSignedIn):
        keys.find_principal(secret)


def test_a_changed_role_changes_what_a_remembered_key_may_do() -> None:
    site = make.site()
    membership = make.member(site, "operator")
    _, secret = make.key(site, membership=membership)
    assert "instances:act" in keys.find_principal(secret).scopes
    members.change_role(make.principal(site), membership, role="viewer")
    assert "instances:act" not in keys.find_principal(secret).scopes


def test_a_revoked_key_ends_at_once_and_again_is_no_error() -> None:
    site = make.site()
    row, secret = make.key(site)
    assert keys.find_principal(secret)
    first = services.revoke_key(make.principal(site), row).revoked_at
    assert services.revoke_key(make.principal(site), row).revoked_at == first
    with pytest.raises(NotSignedIn):
        keys.find_principal(secret)


def test_an_agents_keys_rest_and_end_with_it() -> None:
    site = make.site()
    owner, agent = make.principal(site), make.agent(site)
    row, secret = make.key(site, acts_for=agent)
    assert keys.find_principal(secret).agent_id == agent.pk
    services.update_agent(owner, agent, is_active=False)
    with pytest.raises(NotSignedIn):
        keys.find_principal(secret)
    services.update_agent(owner, agent, is_active=True)
    assert keys.find_principal(secret)
    services.delete_agent(owner, agent)
    with pytest.raises(NotSignedIn):
        keys.find_principal(secret)
    assert not ApiKey.everywhere.filter(pk=row.pk).exists()


def test_a_key_is_made_within_the_site_and_the_future() -> None:
    ours, theirs = make.site(), make.site()
    principal = make.principal(ours)
    stranger, foreign = make.member(theirs).user_id, make.agent(theirs)
    for wrong in (
        {"user_id": stranger},
        {"user_id": make.new_id()},
        {"agent_id": foreign.pk},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"scopes": ["instances:fly"]},
    ):
        with pytest.raises(Invalid):
            services.create_key(principal, name="no", **wrong)
    assert not ApiKey.everywhere.exists()


def test_an_admin_makes_keys_for_lower_roles_only() -> None:
    site = make.site()
    principal = make.principal(site, "admin")
    operator, owner = make.member(site, "operator"), make.member(site, "owner")
    _, secret = services.create_key(principal, name="theirs", user_id=operator.user_id)
    assert keys.find_principal(secret).user_id == operator.user_id
    with pytest.raises(Forbidden):
        services.create_key(principal, name="no", user_id=owner.user_id, scopes=["sites:read"])


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_services_ask_the_principal_first(role: str) -> None:
    site = make.site()
    low = make.principal(site, role)
    target = make.member(site, "viewer")
    for forbidden in (
        lambda: members.create_member(low, email="x@example.com", role="viewer"),
        lambda: members.add_member(low, user_id=make.user().pk, role="viewer"),
        lambda: members.change_role(low, target, role="viewer"),
        lambda: members.remove_member(low, target),
        lambda: services.create_key(low, name="k"),
        lambda: services.update_site(low, site, name="taken"),
    ):
        with pytest.raises(Forbidden):
            forbidden()
