"""Plans in the admin: read there, moved through the services, and by staff in their own sites only."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from tests import make
from tests.plans.conftest import Place, befall, place_of, stored

LIST = reverse("admin:plans_plan_changelist")


def _browser(**fields: Any) -> Client:
    browser = Client()
    browser.force_login(make.user(is_staff=True, **fields))
    return browser


def _page(plan: dict[str, Any]) -> str:
    return reverse("admin:plans_plan_change", args=[plan["id"]])


def _act(browser: Client, action: str, *plans: dict[str, Any]) -> str:
    chosen = {"action": action, "_selected_action": [plan["id"] for plan in plans], "confirmed": "yes"}
    return browser.post(LIST, chosen, follow=True).content.decode()


def test_an_operator_sees_a_plan_with_its_steps_its_needs_and_its_history(place: Place) -> None:
    browser = _browser(is_superuser=True)
    needed = place.write("The needed one")
    plan = place.write("The plan", depends_on=[needed["id"]], steps=[{"title": "<b>First</b>"}])
    listed = browser.get(f"{LIST}?q=The").content.decode()
    assert "The plan" in listed and "0 % (0 of 1)" in listed
    assert browser.get(f"{LIST}?status__exact=blocked").status_code == 200
    page = browser.get(_page(plan)).content.decode()
    assert "The needed one" in page and "&lt;b&gt;First&lt;/b&gt;" in page and "steps_changed" in page
    assert browser.post(_page(plan), {"title": "x", "status": "completed"}).status_code in {302, 403}
    assert (stored(plan).title, stored(plan).status) == ("The plan", "blocked")


def test_chosen_plans_are_moved_by_the_services(place: Place) -> None:
    browser = _browser(is_superuser=True)
    one, two = place.write("one"), place.write("two")
    place.ask(two, "start")
    told = _act(browser, "start", one, two)
    assert "two: A plan that is in_progress cannot be started." in told and "Start: asked for one." in told
    _act(browser, "pause", one, two)
    assert [stored(plan).status for plan in (one, two)] == ["paused", "paused"]
    befall(place.instance, "stop_sent")
    assert "not running" in _act(browser, "resume", one)
    _act(browser, "cancel", one)
    assert place.kinds(one) == ["written", "started", "paused", "cancelled"]


def test_a_plans_page_has_a_button_for_each_way_that_it_may_go(place: Place) -> None:
    browser = _browser(is_superuser=True)
    plan = place.write("The plan")
    page = browser.get(_page(plan)).content.decode()
    orders = [name for name in ("start", "pause", "resume", "retry", "cancel") if f"/order/{name}/" in page]
    assert orders == ["start", "cancel"]
    told = browser.post(f"/admin/plans/plan/{plan['id']}/order/start/", follow=True).content.decode()
    assert "Start: asked for The plan." in told and "/order/pause/" in told
    assert stored(plan).status == "in_progress"
    asked = browser.get(f"/admin/plans/plan/{plan['id']}/order/cancel/").content.decode()
    assert "A cancelled plan is never taken up again." in asked
    assert stored(plan).status == "in_progress"


def test_staff_see_and_move_plans_of_their_sites_only(place: Place) -> None:
    other = place_of("other")
    mine, foreign = place.write("mine"), other.write("foreign")
    user = make.member(place.site, who=make.user(is_staff=True)).user
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="plans"))
    browser = Client()
    browser.force_login(user)
    listed = browser.get(LIST).content.decode()
    assert mine["id"] in listed and foreign["id"] not in listed
    assert browser.get(_page(mine)).status_code == 200
    assert browser.get(_page(foreign)).status_code == 302
    _act(browser, "cancel", mine, foreign)
    assert (stored(mine).status, stored(foreign).status) == ("cancelled", "pending")


def test_staff_who_may_only_look_move_nothing(place: Place) -> None:
    plan = place.write()
    user = make.member(place.site, "viewer", who=make.user(is_staff=True)).user
    browser = Client()
    browser.force_login(user)
    assert browser.get(_page(plan)).status_code == 200
    assert 'id="orders"' not in browser.get(_page(plan)).content.decode()
    _act(browser, "cancel", plan)
    assert stored(plan).status == "pending"
