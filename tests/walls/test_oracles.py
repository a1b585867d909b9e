"""What another site has cannot be told from what does not exist: by status, words, statements, time, filter or order.

Made from docs/openapi.yaml: an operation is tried by being there, and a field or filter that names a row and is not
covered here fails. Two sites serve all of it, so each of these tests is one walk and tells all that it found.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from common.ids import new_id
from facades.sessions_v1 import views
from tests import make
from tests.counts import tried
from tests.walls.document import OPERATIONS, Operation, Place
from tests.walls.test_tables import NOUNS

pytestmark = pytest.mark.django_db

TIMES, SLOWER_AT_MOST, NOISE_S = 3, 10.0, 0.1
AT_THE_DOOR = ("sites_find_key", "last_used_at", "key.used_from_new_address")
"""Statements that come and go with what a process remembers of a key for three seconds, whatever is asked."""
HIDDEN = ["key_hash", "password", "site__name", "user__password", "environment_variables", "keys", "xid", "-site_id"]
OF_ROWS = {
    "agent_id": "agents",
    "auth_state_id": "browser-states",
    "browser_state_id": "browser-states",
    "created_by": "users",
    "depends_on": "plans",
    "instance_id": "instances",
    "invited_by": "users",
    "key_id": "keys",
    "parent_id": "plans",
    "parent_log": "logs",
    "site_id": "sites",
    "target_id": "instances",
    "template": "templates",
    "template_id": "templates",
    "user_id": "users",
}
OF_CALLERS = {"last_event_id", "message_id", "request_id", "tool_call_id"}
"""Words that are a caller's own, or numbers within a row that the path names."""
CLOSED = [one for one in OPERATIONS.values() if not one.is_open]
OURS = [one for one in CLOSED if not one.is_dialect]
NAMED = [one for one in CLOSED if "{" in one.path]
LISTS = [one for one in CLOSED if "search" in one.queries or "ordering" in one.queries]
REFERRING = [
    (one, name)
    for one in CLOSED
    for name in sorted({*one.fields, *one.queries} - OF_CALLERS)
    if name.endswith("_id") or name in OF_ROWS
]


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "WAITED_S", 0.0)


@dataclass
class Strangers:
    """`ours`, and a site next to it whose owner asks after what is ours."""

    ours: Place
    theirs: Place
    client: APIClient

    def ask(self, operation: Operation, *, masked: str = "", **options: Any) -> tuple[Told, float]:
        self.theirs.fitted(operation.body, "")  # makes the rows that it names, before anything is counted
        with ExitStack() as stack:
            counted = [stack.enter_context(CaptureQueriesContext(connections[alias])) for alias in ("default", "crew")]
            started = time.perf_counter()
            answer = self.theirs.ask(operation, self.client, **options)
            took_s = time.perf_counter() - started
        words = "" if answer.streaming else answer.content.decode(errors="replace")
        said = [str(value).strip("[']") for value in options.get("said", {}).values()]
        for named in filter(None, (masked, *options.get("ids", {}).values(), *said)):
            words = words.replace(named, "ID")
        words = re.sub(r'"request_id":"[^"]*"', "", words)
        statements = [query["sql"] for context in counted for query in context.captured_queries]
        asked = [sql for sql in statements if not any(word in sql for word in AT_THE_DOOR)]
        return Told(answer.status_code, words, frozenset(answer.headers), len(asked)), took_s


@dataclass(frozen=True)
class Told:
    """Everything that somebody who asks could compare, but for the time it took."""

    status: int
    words: str
    headers: frozenset[str]
    statements: int


@pytest.fixture
def strangers() -> Strangers:
    theirs = Place()
    return Strangers(Place(), theirs, make.client(theirs.site))


def _absent() -> str:
    return str(new_id())


def test_a_foreign_row_and_none_answer_alike(strangers: Strangers) -> None:
    tellable = []
    for operation in NAMED:
        for foreign, absent in _pairs_of_ids(operation, strangers):
            strangers.ask(operation, ids=absent)  # what is done once in a process is done now
            found = [
                (strangers.ask(operation, ids=foreign), strangers.ask(operation, ids=absent)) for _ in range(TIMES)
            ]
            told = {answer for pair in found for answer, _ in pair}
            foreign_s, absent_s = (statistics.median(pair[which][1] for pair in found) for which in (0, 1))
            slow = max(foreign_s, absent_s) > SLOWER_AT_MOST * min(foreign_s, absent_s) + NOISE_S
            if len(told) > 1 or {one.status for one in told} != {404} or slow:
                tellable.append((operation.name, told, foreign_s, absent_s))
            tried("foreign rows that answer as none at all")
    assert tellable == []
    assert len(NAMED) > 50


def _pairs_of_ids(operation: Operation, strangers: Strangers) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Each place in the path in turn has an id of ours, and then one of nobody's; the others the stranger's own."""
    own, foreign = strangers.theirs.ids(operation), strangers.ours.ids(operation)
    for name, value in foreign.items():
        if name == "step_id":  # a name within its plan, which both may have
            continue
        yield {**own, name: value}, {**own, name: _absent()}


def test_a_foreign_id_in_a_body_or_a_filter_is_as_one_that_nobody_has(strangers: Strangers) -> None:
    tellable = []
    for operation, name in REFERRING:
        assert name in OF_ROWS, f"{operation.name} takes {name}, which is not covered here"
        foreign = strangers.ours.row(OF_ROWS[name])["id"]
        many = operation.fields.get(name, {}).get("type") == "array"
        ids = strangers.theirs.ids(operation)
        told = {
            strangers.ask(operation, ids=ids, said={name: [value] if many else value})[0]
            for value in (_absent(), foreign, _absent())
        }
        if len(told) > 1 or str(strangers.ours.site.pk) in str(told) or max(one.status for one in told) >= 500:
            tellable.append((operation.name, name, told))
        tried("foreign ids in bodies and filters that are as none")
    assert tellable == []
    assert len(REFERRING) > 50


def test_a_foreign_site_and_none_answer_alike_wherever_one_is_named(strangers: Strangers) -> None:
    tellable = []
    for operation in OURS:
        ids = strangers.theirs.ids(operation)
        sites = (_absent(), str(strangers.ours.site.pk))
        in_query = {strangers.ask(operation, masked=site, ids=ids, query=f"site_id={site}")[0] for site in sites}
        in_header = {strangers.ask(operation, masked=site, ids=ids, **{"X-Site": site})[0] for site in sites}
        if max(len(in_query), len(in_header)) > 1 or {one.status for one in in_query | in_header} - {400, 403, 404}:
            tellable.append((operation.name, in_query, in_header))
        tried("foreign sites, named, that are as none")
    assert tellable == []


def test_no_list_is_ordered_filtered_or_searched_by_what_it_does_not_show(strangers: Strangers) -> None:
    tellable = []
    for noun in NOUNS:
        strangers.ours.row(noun)
    for operation in LISTS:
        ids = strangers.theirs.ids(operation)
        for hidden in HIDDEN:
            for query in (f"ordering={hidden}", f"{hidden.removeprefix('-')}__startswith=a"):
                refused = strangers.theirs.ask(operation, strangers.client, ids=ids, query=query)
                if refused.status_code != 400:
                    tellable.append((operation.name, query, refused.content))
        for word, row in _shown_to_us(operation, strangers.ours):
            found = strangers.theirs.ask(operation, strangers.client, ids=ids, query=f"search={word}")
            if found.status_code != 200 or row.encode() in found.content:
                tellable.append((operation.name, word, found.content))
            tried("searches for what another site has, in vain")
    assert tellable == []
    assert len(LISTS) > 15


def _shown_to_us(operation: Operation, ours: Place) -> Iterator[tuple[str, str]]:
    """Words that find a row of ours in this list, and the row's id."""
    rows = ours.ask(operation, ours.owner).json()["results"] if "search" in operation.queries else []
    for row in rows[:1]:
        words = {str(row[name]) for name in ("id", "name", "email", "title", "message", "action") if row.get(name)}
        yield from ((word, row["id"]) for word in words)
