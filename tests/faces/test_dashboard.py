"""The dashboard: right figures, of the sites that somebody may see, for as many statements as plots."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from common import clock
from instances.models import Instance
from orchestrator import console, figures
from tests import make
from tests.instances.conftest import World, principal_of_new_site

INDEX = reverse("admin:index")


def _plots(browser: Client) -> list[dict[str, Any]]:
    page = browser.get(INDEX)
    assert page.status_code == 200
    return [json.loads(unescape(found)) for found in re.findall(r'data-value="([^"]+)"', page.content.decode())]


def _sums(plot: dict[str, Any]) -> dict[str, float]:
    return {one["label"]: sum(one["data"]) for one in plot["datasets"]}


def test_the_plots_show_the_fleet_its_starts_and_its_failures(world: World, operator: Client) -> None:
    world.running(name="quick")
    lost = world.running(instance_type="windows", name="lost")
    world.provider.machines.clear()
    Instance.everywhere.filter(pk=lost.pk).update(look_again_at=clock.now())
    assert world.step(lost).status == "error"
    fleet, outcomes, starts, _ = _plots(operator)
    assert fleet["labels"] == ["running", "error"]
    assert _sums(fleet) == {"Linux desktop": 1, "Web browser": 0, "Windows desktop": 1}
    assert _sums(outcomes) == {"Starts": 2, "Failures": 1} and len(outcomes["labels"]) == 24
    assert set(starts["labels"]) == {"quick", "lost"} and all(took >= 0 for took in starts["datasets"][0]["data"])


def test_the_queue_tells_how_overdue_the_looks_are(world: World, operator: Client) -> None:
    late, later = world.ask(), world.ask()
    for instance, seconds in ((late, 10), (later, 1000)):
        Instance.everywhere.filter(pk=instance.pk).update(look_again_at=clock.now() - timedelta(seconds=seconds))
    queue = figures.queue(None)
    assert queue.buckets == [0, 0, 1, 0, 0, 1] and 1000 <= queue.oldest_s < 1060
    assert _plots(operator)[3]["datasets"][0]["data"] == queue.buckets


def test_a_start_after_a_loss_counts_from_the_loss(world: World, later: Callable[[float], None]) -> None:
    instance = world.running(configuration={"on_loss": "replace"})
    later(1800)
    world.provider.machines.clear()
    instance = world.settle(instance)
    later(30)
    instance = world.settle(instance)
    world.guests.arrive(instance.machine)
    assert world.settle(instance).status == "running"
    assert all(start.took_s < 300 for start in figures.slowest_starts(None))


def test_staff_are_shown_figures_of_their_sites_only(world: World, staff: Callable[[str], Client]) -> None:
    world.running(name="ours")
    ours, world.principal = world.principal, principal_of_new_site()
    world.running(name="theirs", instance_type="windows")
    world.principal = ours
    fleet, outcomes, starts, _ = _plots(staff("viewer"))
    assert _sums(fleet) == {"Linux desktop": 1, "Web browser": 0, "Windows desktop": 0}
    assert _sums(outcomes) == {"Starts": 1, "Failures": 0} and starts["labels"] == ["ours"]


def test_staff_without_a_site_are_told_so(db: None) -> None:
    from_nowhere = Client()
    from_nowhere.force_login(make.user(is_staff=True))
    assert b"You belong to no site" in from_nowhere.get(INDEX).content


def test_each_figure_is_one_statement_however_many_rows(world: World) -> None:
    for _ in range(3):
        world.running()
    with CaptureQueriesContext(connections["crew"]) as asked:
        figures.fleet(None), figures.outcomes(None), figures.slowest_starts(None), figures.queue(None)
    assert len(asked) == 4


def test_outcomes_are_counted_along_their_own_index(world: World) -> None:
    world.running()
    with connections["crew"].cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("EXPLAIN " + figures._OUTCOMES.format(of_sites=""), {"since": "0" * 32})
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("RESET enable_seqscan")
    assert "event_of_outcome" in plan, plan


def test_every_page_stands_in_the_sidebar_and_shows_fields_of_its_rows(operator: Client) -> None:
    request = operator.get(INDEX).wsgi_request
    offered = {str(item["link"]) for group in console.navigation(request) for item in group["items"]}
    for model, page in admin.site._registry.items():
        assert reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") in offered, model
        assert flatten_fieldsets(page.get_fieldsets(request, model())), model


def test_a_membership_is_called_by_its_persons_email(operator: Client) -> None:
    member = make.member(make.site(), "viewer", who=make.user("ada@example.com"))
    page = operator.get(reverse("admin:sites_membership_delete", args=[member.pk])).content.decode()
    assert "ada@example.com as viewer" in page
