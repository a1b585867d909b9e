"""The admin of instances: what it shows, what may be asked there, and who sees what."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from instances import logs
from instances.entries import Entry
from instances.guestlink import GuestUnreachable
from instances.models import Event, Instance, Log
from instances.models.log import LogType
from tests.instances.conftest import World, principal_of_new_site

LIST = reverse("admin:instances_instance_changelist")


def _page(instance: Instance) -> str:
    return reverse("admin:instances_instance_change", args=[instance.pk])


def _order(instance: Instance, name: str) -> str:
    return reverse("admin:instances_instance_order", args=[instance.pk, name])


def _screen(instance: Instance) -> str:
    return reverse("admin:instances_instance_screen", args=[instance.pk])


def _foreign(world: World) -> Instance:
    ours, world.principal = world.principal, principal_of_new_site()
    foreign = world.running(name="foreign desk")
    world.principal = ours
    return foreign


def test_the_page_shows_history_and_offers_what_fits_and_saves_nothing(world: World, operator: Client) -> None:
    instance = world.running()
    shown = operator.get(_page(instance)).content.decode()
    assert "guest_ready" in shown and f"plan/?instance__id__exact={instance.pk}" in shown
    assert 'name="_save"' not in shown and 'name="_continue"' not in shown
    assert {name for name in ("start", "stop", "restart", "retry", "delete") if _order(instance, name) in shown} == {
        "stop",
        "restart",
        "delete",
    }
    assert operator.post(_page(instance), {"name": "other", "status": "stopped"}).status_code in {302, 403}
    assert (world.read(instance).name, world.read(instance).status) == ("desk", "running")


def test_a_stop_and_a_start_are_asked_through_the_services(world: World, operator: Client) -> None:
    instance = world.running()
    told = operator.post(_order(instance, "stop"), follow=True).content.decode()
    assert "Stop: asked for desk (ubuntu)." in told and _order(instance, "start") in told
    assert world.settle(instance).status == "stopped"
    operator.post(_order(instance, "start"))
    assert world.read(instance).desired_state == "running"
    assert world.history(instance)[-1] == "start_requested"
    refused = operator.post(_order(instance, "retry"), follow=True).content.decode()
    assert "Only an instance in error can be retried" in refused


def test_a_deletion_is_confirmed_first_for_one_and_for_many(world: World, operator: Client) -> None:
    one, two = world.running(), world.running()
    assert b"no way back" in operator.get(_order(one, "delete")).content
    assert world.read(one).desired_state == "running"
    operator.post(_order(one, "delete"))
    assert world.read(one).desired_state == "deleted"
    chosen = {"action": "delete", "_selected_action": [str(two.pk)]}
    assert b"no way back" in operator.post(LIST, chosen).content and world.read(two).desired_state == "running"
    operator.post(LIST, {**chosen, "confirmed": "yes"})
    assert world.read(two).desired_state == "deleted"


def test_chosen_instances_are_stopped_and_what_is_refused_is_told(world: World, operator: Client) -> None:
    well, doomed = world.running(), world.running(name="doomed")
    operator.post(_order(doomed, "delete"))
    chosen = {"action": "stop", "_selected_action": [str(well.pk), str(doomed.pk)]}
    told = operator.post(LIST, chosen, follow=True).content.decode()
    assert "The instance is being deleted." in told and "Stop: asked for" in told
    assert [world.read(each).desired_state for each in (well, doomed)] == ["stopped", "deleted"]


def test_the_screen_is_shown_again_and_again_without_a_trace(world: World, operator: Client) -> None:
    instance = world.running()
    for _ in range(3):
        picture = operator.get(_screen(instance))
        assert (picture.status_code, picture.content, picture["X-Instance-Status"]) == (200, b"picture", "running")
    assert len(world.guests.acted) == 3
    assert not Log.everywhere.exists() and world.read(instance).total_commands_executed == 0
    world.guests.fail_next.append(GuestUnreachable("gone"))
    assert operator.get(_screen(instance)).status_code == 502
    operator.post(_order(instance, "stop"))
    world.settle(instance)
    nothing = operator.get(_screen(instance))
    assert (nothing.status_code, nothing["X-Instance-Status"]) == (204, "stopped")


def test_staff_see_their_sites_rows_only(world: World, staff: Callable[[str], Client]) -> None:
    mine, foreign = world.running(), _foreign(world)
    browser = staff("viewer")
    for page in ("instance", "event"):
        listed = browser.get(reverse(f"admin:instances_{page}_changelist"))
        assert listed.status_code == 200 and b"desk" in listed.content
        assert b"foreign desk" not in listed.content
    assert browser.get(f"{LIST}?q={foreign.pk}").content.count(b"foreign desk") == 0
    assert browser.get(_page(mine)).status_code == 200
    assert browser.get(_page(foreign)).status_code == 302
    assert browser.get(_screen(foreign)).status_code == 404
    assert browser.get(_order(foreign, "delete")).status_code == 404


@pytest.mark.parametrize(("role", "may"), [("viewer", False), ("operator", True)])
def test_staff_may_in_the_admin_what_their_role_lets_them(
    world: World, staff: Callable[[str], Client], role: str, may: bool
) -> None:
    instance = world.running()
    browser = staff(role)
    shown = browser.get(_page(instance)).content.decode()
    assert (_order(instance, "stop") in shown) is may
    assert browser.post(_order(instance, "stop")).status_code == (302 if may else 403)
    assert world.read(instance).desired_state == ("stopped" if may else "running")
    assert browser.get(_screen(world.read(instance))).status_code == (200 if may else 403)
    keys = browser.get(reverse("admin:sites_apikey_changelist")).status_code
    assert keys == 403, "only a site's admins see its keys"


def test_the_page_of_an_event_and_of_a_log_entry_shows_what_it_holds(
    world: World, operator: Client, staff: Callable[[str], Client]
) -> None:
    instance = world.running()
    event = Event.everywhere.filter(instance=instance, kind="guest_ready").get()
    written = Entry(log_type=LogType.TOOL_CALL, message="Two pages.", tool_args={"page": "the second"})
    [entry] = logs.write_entries(world.principal, instance.pk, [written], bulk=False)
    for browser in (operator, staff("viewer")):
        shown = browser.get(reverse("admin:instances_event_change", args=[event.pk])).content.decode()
        assert "guest_ready" in shown and "starting" in shown and _page(instance) in shown
        shown = browser.get(reverse("admin:instances_log_change", args=[entry])).content.decode()
        assert "the second" in shown and "Two pages." in shown and _page(instance) in shown


def test_an_id_finds_its_instance_and_words_find_names(world: World, operator: Client) -> None:
    instance, other = world.running(name="alpha"), world.running(name="beta")
    by_id = operator.get(f"{LIST}?q={instance.pk}").content
    assert b"alpha" in by_id and b"beta" not in by_id
    assert b"beta" in operator.get(f"{LIST}?q=bet").content
    logs = operator.get(reverse("admin:instances_log_changelist") + f"?instance__id__exact={other.pk}")
    assert logs.status_code == 200
