"""Lists that PostgreSQL writes: the same answers as the ordinary way's, within the same walls."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from common import clock
from common.api import hotlist, pagination
from common.api.hotlist import Asked, HotList
from common.api.rowsql import columns_of
from common.prepared import read_in_site
from instances.api.serializers import InstanceSerializer
from instances.api.views import InstanceViewSet
from instances.models import Instance
from sites import keys
from sites.api import hot
from sites.models import Membership, Site
from tests import make

pytestmark = pytest.mark.django_db
ORDINARY = "application/json; indent=0"
"""Another way to ask for JSON, which the short way does not know."""


@pytest.fixture(autouse=True)
def _watched(short: list[str]) -> None:
    """Every test of this page may ask which way was taken."""


def _instances(site: Site, how_many: int, **fields: Any) -> list[Instance]:
    member = Membership.everywhere.filter(site=site).first() or make.member(site)
    kinds = ["browser", "ubuntu", "windows"]
    rows = [
        Instance(
            **{
                "site": site,
                "name": f"desk {number}",
                "instance_type": kinds[number % 3],
                "user_id": member.user_id,
                "created_by_id": member.user_id,
                "provider": "none",
                "status_since": clock.now(),
                **fields,
            }
        )
        for number in range(how_many)
    ]
    for row in rows:
        row.set_environment({"A": "1"} if row.instance_type == "ubuntu" else {})
    return Instance.everywhere.bulk_create(rows)


def _odd(site: Site) -> Instance:
    """An instance whose every column is filled, with what is hard to write down."""
    agent = make.agent(site)
    noon = clock.now().replace(hour=12, minute=0, second=0, microsecond=0)
    text = 'say "no" \\ \x01 \u2028 é 🦀 </script> \n\t%s %% {}'
    (row,) = _instances(site, 1, name=text, instance_type="ubuntu", agent=agent)
    Instance.everywhere.filter(pk=row.pk).update(
        configuration={"a": [1, 1.5, 1e-7, -0.0, 2**53 + 1, None, True, {"ключ": text}], "": {}, "width": 10**15},
        environment_names=["A", 'B"', "NULL", "{}", "ü"],
        handle={"version": 1, "data": {}},
        incarnation=7,
        status="error",
        status_reason=text * 20,
        last_screenshot_at=noon,
        last_activity_at=noon.replace(microsecond=100),
        started_at=noon.replace(year=1999, month=12, day=31),
        stopped_at=noon + timedelta(days=40_000),
        total_commands_executed=2**62,
        tools_enabled=[],
    )
    return row


def _both(client: Any, path: str) -> tuple[Any, Any]:
    return client.get(path), client.get(path, headers={"accept": ORDINARY})


def _headers(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.items() if name not in {"X-Request-ID", "Content-Length"}}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?limit=7",
        "?limit=7&offset=7",
        "?offset=5000",
        "?limit=500&count=exact",
        "?limit=2&count=exact&offset=3",
        "?status=running&status=error",
        "?instance_type=ubuntu&limit=2",
        "?name=DESK+1&limit=3",
        "?name=%25",
        "?name=%27%3B+DROP+TABLE+instances_instance%3B--",
        "?created_after=2020-01-01T00:00:00Z&created_before=2099-01-01T00:00:00%2B02:00",
        "?user_id=00000000-0000-7000-8000-000000000000",
        "?cursor=",
        "?cursor=&limit=5",
        "?cursor=&limit=5&count=capped",
        "?cursor=&limit=500&count=exact",
        "?ordering=name&limit=5",
        "?ordering=-name&cursor=&limit=5",
        "?ordering=last_activity_at&cursor=&limit=4",
    ],
)
def test_a_list_is_the_same_by_either_way(query: str, short: list[str]) -> None:
    site = make.site()
    _instances(site, 20)
    _odd(site)
    _instances(make.site(), 3)
    client = make.client(site)
    for _ in range(2):  # compiled, and known
        quick, slow = _both(client, f"/api/instances{query}")
        assert quick.status_code == 200, quick.content
        assert quick.json() == slow.json()
        assert _headers(quick) == _headers(slow)
    assert short == ["list", "list"]


def test_names_stand_in_the_serializers_order_and_moments_in_its_format() -> None:
    site = make.site()
    _odd(site)
    quick, slow = _both(make.client(site), "/api/instances")
    (row,), (other,) = (json.loads(answer.content)["results"] for answer in (quick, slow))
    assert list(row) == list(other) == list(InstanceSerializer().fields)
    assert row["last_screenshot_at"].endswith("T12:00:00.000000Z")
    assert row["provider_ref"] == f"{row['id'].replace('-', '')}-7"
    for name in ("id", "created_at", "last_activity_at", "started_at", "stopped_at"):
        assert f'"{name}":"{row[name]}"'.encode() in quick.content


def test_one_row_is_the_same_by_either_way(short: list[str]) -> None:
    site = make.site()
    row = _odd(site)
    client = make.client(site)
    quick, slow = _both(client, f"/api/instances/{row.pk}")
    assert quick.json() == slow.json() and _headers(quick) == _headers(slow)
    assert short == ["retrieve"]
    renamed = client.put(f"/api/instances/{row.pk}", {"name": "n"}, headers={"if-match": quick["ETag"]})
    assert renamed.status_code == 200, renamed.content


def test_a_filter_that_no_row_can_match_finds_none(short: list[str]) -> None:
    site = make.site()
    _instances(site, 1)
    answer = make.client(site).get("/api/instances?id=,")
    assert (answer.status_code, answer.json()["results"], answer.json()["count"]) == (200, [], 0)


@pytest.mark.parametrize("order", ["-id", "name", "-last_activity_at", "last_activity_at"])
def test_a_walk_by_cursor_goes_there_and_back(order: str, short: list[str]) -> None:
    site = make.site()
    _instances(site, 11)
    _odd(site)
    client = make.client(site)
    link, pages = f"/api/instances?limit=5&cursor=&ordering={order}".replace("&ordering=-id", ""), []
    while link:
        quick, slow = _both(client, link)
        assert quick.json() == slow.json()
        pages.append(quick.json()["results"])
        link, back = (_path(quick.json()[name]) for name in ("next", "previous"))
    assert len({row["id"] for page in pages for row in page}) == sum(map(len, pages)) == 12
    assert back is not None
    quick, slow = _both(client, back)
    assert quick.json() == slow.json() and quick.json()["results"] == pages[-2]
    assert len(short) == 4


def _path(url: str | None) -> str | None:
    return url and f"{urlsplit(url).path}?{urlsplit(url).query}"


@pytest.mark.parametrize(
    "query",
    [
        *("?nonsense=1", "?status=what", "?limit=501", "?limit=x", "?offset=-1", "?count=some", "?cursor=abc"),
        *("?cursor=&offset=1", "?user_id=5", "?ordering=handle"),
    ],
)
def test_what_is_refused_is_refused_the_ordinary_way(query: str, short: list[str]) -> None:
    answer = make.client(make.site()).get(f"/api/instances{query}")
    assert (answer.status_code, answer.json()["code"], short) == (400, "INVALID", [])


def test_whoever_may_not_read_is_refused_the_ordinary_way(short: list[str]) -> None:
    site = make.site()
    narrow = make.client(site, scopes=["logs:read"])
    assert narrow.get("/api/instances").status_code == 403
    key, secret = make.key(site)
    client = make.client_with(secret)
    assert client.get("/api/instances").status_code == 200
    key.revoked_at = clock.now()
    key.save(using="crew")
    keys.forget()
    assert client.get("/api/instances").status_code == 401
    assert make.client_with("nonsense").get("/api/instances").status_code == 401
    assert client.get("/api/instances", headers={"authorization": ""}).status_code == 401
    assert short == ["list"]


@pytest.mark.parametrize(
    "headers",
    [
        {"accept": "text/html"},
        {"accept": "application/json; indent=4"},
        {"accept": "text/csv"},
        {"x-site": "00000000-0000-7000-8000-000000000000"},
    ],
    ids=str,
)
def test_whatever_is_unusual_goes_the_ordinary_way(headers: dict[str, str], short: list[str]) -> None:
    make.client(make.site()).get("/api/instances", headers=headers)
    assert short == []


def test_one_sites_rows_are_never_another_ones(short: list[str]) -> None:
    ours, theirs = make.site(), make.site()
    _instances(ours, 3)
    (foreign,) = _instances(theirs, 1)
    client, stranger = make.client(ours), make.client(theirs)
    for _ in range(3):  # what was compiled for one serves the other
        assert client.get("/api/instances").json()["count"] == 3
        assert [row["id"] for row in stranger.get("/api/instances").json()["results"]] == [str(foreign.pk)]
        assert client.get(f"/api/instances/{foreign.pk}").status_code == 404
        assert client.get(f"/api/instances?site_id={theirs.pk}").status_code == 404
    assert len(short) == 6


def test_the_second_wall_holds_where_the_first_is_forgotten() -> None:
    ours = make.site()
    _instances(ours, 2)
    _instances(make.site(), 5)
    everything = Instance._base_manager.using("default").order_by("-id")
    columns = columns_of(InstanceSerializer, InstanceViewSet.computed)
    asked = Asked("anybody", lambda: everything, {}, partial(read_in_site, ours.pk))
    body = HotList(columns).page(QueryDict("limit=1"), "/api/instances", asked)
    assert body is not None and json.loads(body)["count"] == 2


def test_a_page_is_one_statement_however_many_rows(short: list[str]) -> None:
    site = make.site()
    client = make.client(site)
    client.get("/api/instances")
    for how_many in (0, 1, 120):
        _instances(site, how_many)
        with CaptureQueriesContext(connection) as queries:
            client.get("/api/instances")
        assert len(queries) == 1


def test_a_broken_connection_is_replaced(short: list[str]) -> None:
    site = make.site()
    _instances(site, 1)
    client = make.client(site)
    assert client.get("/api/instances").status_code == 200
    read = hot.read_in_site

    def broken(*args: Any) -> Any:
        connection.ensure_connection()
        connection.connection.pgconn.finish()
        return read(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hot, "read_in_site", broken)
        assert client.get("/api/instances").json()["count"] == 1
    assert client.get("/api/instances").json()["count"] == 1
    assert short == ["list", "list"]


def test_a_list_past_the_cap_is_not_counted_again_and_a_shorter_one_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "COUNT_CAP", 6)
    site = make.site()
    client = make.client(site)
    _instances(site, 5)
    counted: list[bool] = []
    read = hot.read_in_site

    def noting(site_id: Any, statement: str, parameters: Any) -> Any:
        counted.append("counted" in statement)
        return read(site_id, statement, parameters)

    monkeypatch.setattr(hot, "read_in_site", noting)
    assert client.get("/api/instances?limit=2").json()["count"] == 5
    _instances(site, 3)
    assert [client.get("/api/instances?limit=2").json()["count"] for _ in range(2)] == [6, 6]
    assert counted == [True, True, False]
    assert client.get("/api/instances?limit=2&offset=7").json()["count"] == 8  # its end is in sight
    assert client.get("/api/instances?limit=2&count=exact").json()["count"] == 8
    assert client.get("/api/instances?limit=2&status=pending").json()["count"] == 6
    assert counted[-1]


def test_what_was_compiled_is_not_kept_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    site = make.site()
    made: list[int] = []

    def rows() -> Any:
        made.append(1)
        return Instance.of(site.pk).order_by("-id")

    list_ = HotList(columns_of(InstanceSerializer, InstanceViewSet.computed))
    asked = Asked("anybody", rows, {}, partial(read_in_site, site.pk))
    for _ in range(3):
        list_.page(QueryDict(""), "/api/instances", asked)
    assert len(made) == 1
    monkeypatch.setattr(hotlist, "KEPT_S", -1.0)
    list_ = HotList(columns_of(InstanceSerializer, InstanceViewSet.computed))
    for _ in range(3):
        list_.page(QueryDict(""), "/api/instances", asked)
    assert len(made) == 4
