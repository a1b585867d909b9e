"""What goes wrong on the quick way: it is told of, written down, and nobody else's business."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import ProgrammingError

from common.lines import postgres
from instances.guestlink import GuestBusy, GuestTimedOut
from sites.models import Site
from tests import make
from tests.instances.conftest import World
from tests.instances.quick import Asker, asking

pytestmark = pytest.mark.django_db
CLICK = {"type": "click", "x": 1, "y": 2}


@pytest.fixture
def quick(world: World) -> Iterator[Asker]:
    with asking(make.key(Site.objects.using("crew").get(pk=world.principal.site_id))[1]) as asker:
        yield asker


@pytest.fixture
def path(world: World) -> str:
    return f"/api/instances/{world.running().pk}/actions"


def test_a_fault_that_nobody_foresaw_is_logged_with_its_trace(
    quick: Asker, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ProgrammingError("no such column")

    monkeypatch.setattr(postgres.Lines, "write_in_site", fail)
    answer = quick.post(path, CLICK)
    assert answer is not None and (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert "no such column" in caplog.text and "no such column" not in answer.text


@pytest.mark.parametrize(
    ("fault", "lines"),
    [(GuestTimedOut("late"), ["an action was answered with 504 GUEST_TIMEOUT"]), (GuestBusy("full"), [])],
    ids=["ours", "the caller's"],
)
def test_a_fault_of_ours_is_logged_and_one_of_the_callers_is_not(
    world: World, quick: Asker, path: str, caplog: pytest.LogCaptureFixture, fault: Exception, lines: list[str]
) -> None:
    world.guests.fail_next.append(fault)
    answer = quick.post(path, CLICK)
    assert answer is not None and answer.status_code == (504 if lines else 429)
    assert [record.getMessage() for record in caplog.records if record.name == "instances.quick.door"] == lines
