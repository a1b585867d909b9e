"""The made-up platform: as large as asked for, whole, and never mistaken for a real one."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count

from instances import lifecycle, reconcile, services
from instances.models import Event, Instance, Log, Status
from sites.models import Agent, Membership, Site
from sites.principal import Principal
from sites.roles import SCOPES_OF_ROLE, Role

pytestmark = pytest.mark.django_db


def _seed(**options: Any) -> str:
    out = StringIO()
    call_command("seed_demo", stdout=out, **{"instances": 1000, "sites": 5, "logs": 300, **options})
    return out.getvalue()


def test_it_makes_what_was_asked_for_and_shows_how_far_it_is() -> None:
    said = _seed()
    assert "100%  1,000 of 1,000" in said and "100%  300 of 300" in said
    assert (Site.objects.using("crew").count(), Instance.everywhere.count(), Log.everywhere.count()) == (5, 1000, 300)
    assert set(Instance.everywhere.values_list("status", flat=True)) == set(Status.values) - {"provisioning", "paused"}
    largest = Instance.everywhere.values("site").annotate(n=Count("pk")).order_by("-n").first()
    assert largest is not None and 300 < largest["n"] < 400


def test_no_machine_is_ever_ordered_for_them() -> None:
    _seed()
    assert not Instance.everywhere.exclude(look_again_at=None).exists()
    assert set(Instance.everywhere.values_list("provider", "incarnation")) == {("seed", 0)}
    call_command("rest_machines", timeout_s=5.0, stdout=StringIO())  # waits for none of them


def test_their_histories_go_by_the_table() -> None:
    _seed(instances=100, logs=0)
    for instance in Instance.everywhere.all():
        events = list(Event.everywhere.filter(instance=instance).order_by("number"))
        assert [event.number for event in events] == list(range(1, instance.last_event + 1))
        assert events[-1].status_to == instance.status
        for event in events[1:]:
            assert lifecycle.TABLE[Status(event.status_from), event.kind] == event.status_to
        assert [event.created_at for event in events] == sorted(event.created_at for event in events)
    assert all(row.id.version == 7 for row in Event.everywhere.all()[:50])


def test_one_of_them_reads_changes_and_ends_like_any_other() -> None:
    _seed(instances=50, logs=0)
    instance = Instance.everywhere.filter(status="running").first()
    assert instance is not None
    assert instance.environment_names == sorted(instance.environment_variables)
    scopes = SCOPES_OF_ROLE[Role.OWNER]
    principal = Principal(instance.site_id, instance.user_id, Role.OWNER, scopes, via="console")
    services.request_deletion(principal, instance.pk)
    for _ in range(4):
        reconcile.step(instance.pk)
    assert Instance.everywhere.get(pk=instance.pk).status == "deleted"


def test_a_platform_that_is_in_use_is_left_alone_unless_forced() -> None:
    _seed(instances=10, logs=0)
    with pytest.raises(CommandError, match="--force"):
        _seed()
    assert Instance.everywhere.count() == 10
    _seed(instances=10, logs=0, force=True)
    assert (Instance.everywhere.count(), Site.objects.using("crew").count()) == (20, 10)
    assert (Agent.everywhere.count(), Membership.everywhere.count()) == (40, 30)
