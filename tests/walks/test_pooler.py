"""A web process behind PgBouncer: its connections are others' from one transaction to the next, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.infra.pgbouncer import started_pgbouncer
from tests.realtime.served import PROJECT, Web
from tests.stack import Stack
from tests.walks.conftest import Desk

pytestmark = [pytest.mark.stack, pytest.mark.machine]
CLIENTS, TIMES, CONNECTIONS = 8, 10, 3


def test_what_is_asked_through_a_pooler_is_done_and_written(
    stack: Stack, ask: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = ask("ubuntu")
    desk.wait("running")
    environment = {name: value for name, value in stack.environment().items() if name not in ("HOST", "PORT")}
    urls = {name: url for name, url in environment.items() if url.startswith("postgresql://")}
    with started_pgbouncer(urls, connections=CONNECTIONS) as pooled:
        web = Web(tmp_path, PROJECT, **environment | pooled)
        try:
            with ThreadPoolExecutor(CLIENTS) as clients:
                asked = [clients.submit(_ask_much, web.url, stack.api_key, desk.id) for _ in range(CLIENTS)]
            answered = sum((each.result() for each in asked), Counter[tuple[str, int]]())
        finally:
            web.stop()
    each = CLIENTS * TIMES
    assert answered == {("quick", 200): each, ("ordinary", 200): each, ("list", 200): each, ("me", 200): each}
    rows = desk.http.get(f"/api/instances/{desk.id}/logs?tool_name=click&limit=500").json()["results"]
    assert (len(rows), desk.read()["total_commands_executed"]) == (2 * each, 2 * each)


def _ask_much(url: str, key: str, instance_id: str) -> Counter[tuple[str, int]]:
    """The answers' statuses, by kind of question."""
    answered: Counter[tuple[str, int]] = Counter()
    click = {"type": "click", "x": 5, "y": 5}
    address = f"/api/instances/{instance_id}/actions"
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False, verify=False) as http:
        for number in range(TIMES):
            once = {"Idempotency-Key": f"{id(http)}-{number}"}
            answers = {
                "quick": http.post(address, json=click),
                "ordinary": http.post(address, json=click, headers=once),
                "list": http.get("/api/instances"),
                "me": http.get("/api/me"),
            }
            answered.update((kind, answer.status_code) for kind, answer in answers.items())
    return answered
