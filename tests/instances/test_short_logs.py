"""Lists of logs that PostgreSQL writes: the same answers as the ordinary way's, within the same walls."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from common import clock
from instances import services
from instances.models import Instance
from sites.models import Site
from tests import make
from tests.instances.test_short_way import ORDINARY

pytestmark = pytest.mark.django_db

TEXT = 'say "no" \\ \x01 \u2028 é 🦀 </script> \n\t%s %% {}'
ENTRIES: list[dict[str, Any]] = [
    {"log_type": "system", "message": "plain"},
    {"log_type": "error", "level": "critical", "message": TEXT, "is_error": True, "tool_name": TEXT[:20]},
    {
        "log_type": "tool_result",
        "level": "warn",
        "message": " spaced \n",
        "details": {"a": [1, 1.5, 1e-7, -0.0, 2**53 + 1, None, True, {"ключ": TEXT}], "": {}},
        "tool_args": {"command": "ls"},
        "duration_ms": 0.1,
        "tokens_used": {"input": 10**15},
        "artifacts": ["a", {"key": 1}],
    },
]


def _written(site: Site) -> Instance:
    """An instance of `site` with our entries in its log."""
    instance = services.request_instance(make.principal(site), name="desk", instance_type="ubuntu")
    answer = make.client(site).post(f"/api/instances/{instance.pk}/logs", ENTRIES)
    assert answer.status_code == 201, answer.content
    return instance


@pytest.fixture
def place() -> tuple[Any, Instance]:
    site = make.site()
    instance, *_ = _written(site), _written(site), _written(make.site())
    return make.client(site), instance


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?limit=2",
        "?limit=2&offset=1",
        "?count=exact",
        "?cursor=&limit=2",
        "?log_type=error&log_type=tool_result",
        "?level=critical",
        "?is_error=true",
        "?created_after=2020-01-01T00:00:00Z&created_before=2099-01-01T00:00:00%2B02:00",
    ],
)
@pytest.mark.parametrize("of_one", [True, False], ids=["instance", "site"])
def test_a_list_of_logs_is_the_same_by_either_way(
    place: tuple[Any, Instance], of_one: bool, query: str, short: list[str]
) -> None:
    client, instance = place
    path = f"/api/instances/{instance.pk}/logs{query}" if of_one else f"/api/logs{query}"
    short.clear()
    for _ in range(2):  # compiled, and known
        quick, slow = client.get(path), client.get(path, headers={"accept": ORDINARY})
        assert quick.status_code == 200 and quick.json()["results"]
        assert quick.json() == slow.json()
        assert list(quick.json()["results"][0]) == list(slow.json()["results"][0])
        assert quick["Allow"] == slow["Allow"] and quick["Vary"] == slow["Vary"]
    assert short == ["list", "list"]


def test_each_instance_shows_its_own_entries(place: tuple[Any, Instance]) -> None:
    client, instance = place
    other = next(row["id"] for row in client.get("/api/instances").json()["results"] if row["id"] != str(instance.pk))
    for pk in (str(instance.pk), other, str(instance.pk)):
        entries = client.get(f"/api/instances/{pk}/logs").json()["results"]
        assert len(entries) == len(ENTRIES) and {entry["instance_id"] for entry in entries} == {pk}


def test_an_instance_that_is_not_there_has_no_log(place: tuple[Any, Instance], short: list[str]) -> None:
    client, instance = place
    stranger = make.client(make.site())
    short.clear()
    assert client.get(f"/api/instances/{uuid4()}/logs").status_code == 404
    assert stranger.get(f"/api/instances/{instance.pk}/logs").status_code == 404
    Instance.everywhere.filter(pk=instance.pk).update(deleted_at=clock.now())
    assert client.get(f"/api/instances/{instance.pk}/logs").status_code == 404
    assert short == []


def test_an_empty_log_is_an_empty_list(short: list[str]) -> None:
    site = make.site()
    instance = services.request_instance(make.principal(site), name="desk", instance_type="ubuntu")
    page = make.client(site).get(f"/api/instances/{instance.pk}/logs").json()
    assert page == {"count": 0, "next": None, "previous": None, "results": []}


def test_a_key_without_the_scope_reads_no_log(place: tuple[Any, Instance]) -> None:
    _, instance = place
    site = make.site()
    narrow = make.client(site, scopes=["instances:read"])
    assert narrow.get("/api/logs").status_code == 403
    assert narrow.get(f"/api/instances/{instance.pk}/logs").status_code == 403
