"""Lists by cursor: every row once, both ways, in any order, whatever comes and goes; and always one statement."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from common.api.keyset import PageOrCursor
from common.errors import Invalid
from common.tenancy import CREW
from sites.models import Agent, ApiKey, Site
from tests import make

pytestmark = pytest.mark.django_db


def _agents(site: Site, how_many: int) -> None:
    Agent.everywhere.using(CREW).bulk_create(Agent(site=site, name=f"agent {number}") for number in range(how_many))


def _path(link: str) -> str:
    assert link.startswith(settings.PUBLIC_URL)
    return link.removeprefix(settings.PUBLIC_URL)


def _walk(rows: Any, *, limit: int, link: str = "next", cursor: str = "") -> list[list[Any]]:
    """The pages of `rows` from `cursor` on, by the paginator alone."""
    pages: list[list[Any]] = []
    while cursor is not None:
        found, cursor = _page(rows, limit=limit, cursor=cursor, link=link)
        pages.append(found)
    return pages


def _page(rows: Any, *, limit: int, cursor: str, link: str = "next") -> tuple[list[Any], Any]:
    paginator = PageOrCursor()
    request = Request(APIRequestFactory().get("/list", {"limit": limit, "cursor": cursor}))
    found = paginator.paginate_queryset(rows, request)
    href = paginator.get_paginated_response([]).data[link]
    return found, href and parse_qs(urlsplit(href).query)["cursor"][0]


def test_an_empty_cursor_begins_and_next_leads_through_every_row_once() -> None:
    site = make.site()
    _agents(site, 23)
    client = make.client(site)
    names, pages, link = [], [], "/api/agents?limit=10&cursor=&name__icontains=agent"
    while link:
        pages.append(client.get(link).json())
        names += [row["name"] for row in pages[-1]["results"]]
        link = pages[-1]["next"] and _path(pages[-1]["next"])
        assert link is None or "name__icontains=agent" in link
    assert names == [f"agent {number}" for number in reversed(range(23))]
    assert [page["count"] for page in pages] == [None] * 3
    assert pages[0]["previous"] is None
    back = client.get(_path(pages[2]["previous"])).json()
    assert back["results"] == pages[1]["results"]
    assert client.get(_path(back["previous"])).json()["results"] == pages[0]["results"]
    assert client.get(_path(back["next"])).json()["results"] == pages[2]["results"]


def test_rows_that_come_meanwhile_neither_repeat_nor_hide_any() -> None:
    site = make.site()
    _agents(site, 4)
    client = make.client(site)
    first = client.get("/api/agents?limit=2&cursor=").json()
    _agents(site, 3)
    second = client.get(_path(first["next"])).json()
    assert [row["name"] for row in first["results"] + second["results"]] == ["agent 3", "agent 2", "agent 1", "agent 0"]


def test_a_page_by_cursor_is_one_statement_without_a_count_or_an_offset() -> None:
    site = make.site()
    _agents(site, 30)
    client = make.client(site)
    link = _path(client.get("/api/agents?limit=5&cursor=").json()["next"])
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(link)
    selects = [query["sql"] for query in queries if 'FROM "sites_agent"' in query["sql"]]
    assert len(selects) == 1
    assert "COUNT(" not in selects[0] and "OFFSET" not in selects[0]


def test_a_count_is_given_when_it_is_asked_for() -> None:
    site = make.site()
    _agents(site, 3)
    assert make.client(site).get("/api/agents?limit=1&cursor=&count=exact").json()["count"] == 3


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=eyJ9.abc", "cursor=&offset=0", "cursor=&limit=0", "cursor=&limit=501", "cursor=" + "A" * 5000],
)
def test_what_is_no_cursor_is_a_400(query: str) -> None:
    answer = make.client(make.site()).get(f"/api/agents?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")


def test_a_cursor_of_another_list_or_another_order_is_refused() -> None:
    site = make.site()
    _agents(site, 3)
    rows = Agent.everywhere.filter(site=site)
    _, cursor = _page(rows.order_by("-id"), limit=1, cursor="")
    for other in (rows.order_by("id"), rows.order_by("name"), ApiKey.everywhere.order_by("-id")):
        with pytest.raises(Invalid, match="cursor"):
            _page(other, limit=1, cursor=cursor)


def test_a_cursor_that_was_tampered_with_is_refused() -> None:
    site = make.site()
    _agents(site, 3)
    rows = Agent.everywhere.filter(site=site)
    _, cursor = _page(rows, limit=1, cursor="")
    payload, signature = cursor.split(".")
    for wrong in (f"{payload}A.{signature}", f"{payload}.{signature[:-1]}", payload):
        with pytest.raises(Invalid):
            _page(rows, limit=1, cursor=wrong)


ORDERS = [("-id",), ("id",), ("name",), ("-name",), ("expires_at",), ("-expires_at",), ("-expires_at", "name")]


@pytest.mark.parametrize("order", ORDERS, ids=",".join)
@pytest.mark.parametrize("limit", [1, 3, 50])
def test_every_order_is_walked_whole_in_both_directions(order: tuple[str, ...], limit: int) -> None:
    """With equal values and with none, which is where a walk by key goes wrong."""
    site, now, chance = make.site(), datetime.now(UTC), random.Random(7)
    holder = make.member(site)
    for _ in range(17):
        row, _ = make.key(site, membership=holder)
        expires_at = chance.choice([None, now, now + timedelta(microseconds=1), now + timedelta(days=1)])
        ApiKey.everywhere.filter(pk=row.pk).update(name=chance.choice("ab"), expires_at=expires_at)
    rows = ApiKey.everywhere.filter(site=site).order_by(*order)
    tie = order[-1] if order[-1].lstrip("-") == "id" else ("-id" if order[-1].startswith("-") else "id")
    whole = [row.pk for row in rows.order_by(*order, tie)]
    forward = _walk(rows, limit=limit)
    assert [row.pk for page in forward for row in page] == whole
    if len(forward) > 1:
        _, cursor = _page(rows, limit=limit, cursor=_cursor_of_page(rows, limit, len(forward) - 1), link="previous")
        backward = _walk(rows, limit=limit, link="previous", cursor=cursor)
        assert list(reversed(backward)) == forward[:-1]


def _cursor_of_page(rows: Any, limit: int, number: int) -> str:
    cursor = ""
    for _ in range(number):
        _, cursor = _page(rows, limit=limit, cursor=cursor)
    return cursor
