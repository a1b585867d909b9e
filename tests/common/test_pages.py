"""Lists in pages, and what counting them costs."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from common.api import pagination
from common.tenancy import CREW
from sites.models import Agent, Site
from tests import make

pytestmark = pytest.mark.django_db


def _agents(site: Site, how_many: int) -> None:
    rows = (Agent(site=site, name=f"agent {number}") for number in range(how_many))
    Agent.everywhere.using(CREW).bulk_create(rows)


def _counts(queries: CaptureQueriesContext) -> int:
    return sum("COUNT(" in query["sql"] for query in queries)


def test_following_next_shows_every_row_once_newest_first() -> None:
    site = make.site()
    _agents(site, 23)
    client = make.client(site)
    names, link = [], "/api/agents?limit=10"
    pages = []
    while link:
        page = client.get(link).json()
        assert page["count"] == 23
        pages.append(page)
        names += [row["name"] for row in page["results"]]
        assert page["next"] is None or page["next"].startswith(settings.PUBLIC_URL + "/api/agents?")
        link = page["next"] and page["next"].removeprefix(settings.PUBLIC_URL)
    assert names == [f"agent {number}" for number in reversed(range(23))]
    assert [len(page["results"]) for page in pages] == [10, 10, 3]
    back = client.get(pages[2]["previous"].removeprefix(settings.PUBLIC_URL)).json()
    assert back["results"] == pages[1]["results"]
    assert pages[0]["previous"] is None


def test_links_keep_the_filters_and_no_ticket() -> None:
    site = make.site()
    _agents(site, 3)
    page = make.client(site).get("/api/agents/?limit=1&name__icontains=agent+&ticket=x&count=exact").json()
    link = urlsplit(page["next"])
    assert link.path == "/api/agents"
    assert link.query == "name__icontains=agent+&count=exact&limit=1&offset=1"


def test_the_default_page_is_fifty_and_the_largest_five_hundred() -> None:
    site = make.site()
    _agents(site, 501)
    client = make.client(site)
    assert len(client.get("/api/agents").json()["results"]) == 50
    assert len(client.get("/api/agents?limit=500").json()["results"]) == 500


def test_a_count_stops_at_its_cap_unless_exactness_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pagination.COUNT_CAP == 10_001
    monkeypatch.setattr(pagination, "COUNT_CAP", 6)
    site = make.site()
    _agents(site, 9)
    client = make.client(site)
    capped = client.get("/api/agents?limit=2&offset=2").json()
    assert capped["count"] == 6 and capped["next"]
    assert client.get("/api/agents?limit=2&count=exact").json()["count"] == 9
    beyond = client.get("/api/agents?limit=2&offset=7").json()
    assert (beyond["count"], beyond["next"]) == (9, None)  # the end is in sight, so nothing was counted


def test_an_estimate_is_the_planners_and_counts_nothing() -> None:
    site = make.site()
    _agents(site, 300)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE sites_agent")
    client = make.client(site)
    client.get("/api/agents")
    with CaptureQueriesContext(connection) as queries:
        count = client.get("/api/agents?limit=2&count=estimate").json()["count"]
    assert _counts(queries) == 0 and 200 < count < 400
    assert client.get("/api/agents?cursor=&count=estimate").json()["count"] == count
    assert client.get("/api/agents?count=guess").status_code == 400


def test_a_page_that_shows_the_end_counts_nothing() -> None:
    site = make.site()
    _agents(site, 3)
    client = make.client(site)
    client.get("/api/agents")
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/api/agents?limit=3").json()["count"] == 3
    assert _counts(queries) == 0
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/api/agents?limit=2").json()["count"] == 3
    assert _counts(queries) == 1


def test_a_page_past_the_end_is_empty_and_knows_the_count() -> None:
    site = make.site()
    _agents(site, 3)
    page = make.client(site).get("/api/agents?offset=1000000").json()
    assert (page["count"], page["results"], page["next"]) == (3, [], None)
    assert make.client(make.site()).get("/api/agents").json() == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
    }
