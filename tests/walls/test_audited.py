"""Every operation that changes something leaves a trace in the audit log, or stands here with where its trace is."""

from __future__ import annotations

import pytest

from common.tenancy import CREW
from facades.sessions_v1 import views
from sites.models import AuditEntry
from tests import make
from tests.counts import tried
from tests.walls.document import OPERATIONS, Operation, Place

pytestmark = pytest.mark.django_db

IN_THE_INSTANCES_LOG = {"actions", "computer-action", "bash-action", "files", "screenshot", "logs"}
IN_ITS_OWN_HISTORY = {
    "create_ticket": "it opens one stream, and is good for half a minute",
    "create_log": "it is the instance's log",
    "ping_webhook": "in the webhook's deliveries",
    "redeliver_webhook_delivery": "in the webhook's deliveries",
}
assert IN_ITS_OWN_HISTORY.keys() <= OPERATIONS.keys()
CHANGING = [one for one in OPERATIONS.values() if one.method != "GET" and not one.is_open]


def _is_written_elsewhere(operation: Operation) -> bool:
    beneath = {*operation.path.split("/")[4:5]}
    return operation.is_dialect or operation.name in IN_ITS_OWN_HISTORY or bool(beneath & IN_THE_INSTANCES_LOG)


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "WAITED_S", 0.0)


@pytest.mark.parametrize("operation", CHANGING, ids=lambda operation: operation.name)
def test_a_change_leaves_an_entry_of_who_did_it(operation: Operation) -> None:
    place = Place()
    member = make.member(place.site)
    key, secret = make.key(place.site, membership=member)

    answer = place.ask(operation, make.client_with(secret))

    mine = AuditEntry.everywhere.filter(site=place.site, key_id=key.pk).exclude(action__startswith="key.used")
    entries = list(mine.using(CREW).values_list("action", "user_id", "via"))
    if answer.status_code < 300 and not _is_written_elsewhere(operation):
        tried("changing operations, each with its audit entry")
        assert entries and {entry[1:] for entry in entries} == {(member.user_id, "key")}, "nobody could tell who did it"
    else:
        assert answer.status_code < 500
