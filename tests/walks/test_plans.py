"""A plan on a real machine: it is worked off step by step, and fails when the machine is stopped under it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from infra.embedded.processes import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.machine]

FALLS_WITHIN_S = 20
"""The stop itself, and one sweep, on a slow machine."""


def _sent(http: httpx.Client, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
    answer = http.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_plan_is_worked_off_and_the_next_one_falls_with_its_machine(ask, http):
    desk = ask("ubuntu")
    path = f"/api/instances/{desk.id}/plans"
    steps = [{"id": "write", "title": "Write a file"}, {"id": "read", "title": "Read it"}]
    plan = _sent(http, "POST", path, {"title": "first", "plan_type": "task", "steps": steps}, status=201)
    second = {"title": "second", "plan_type": "task", "depends_on": [plan["id"]]}
    second = _sent(http, "POST", path, second, status=201)
    desk.wait("running")
    for step, command in (("write", "echo hello > note"), ("read", "cat note")):
        said = desk.shell(command)["stdout"]
        done = {"status": "completed", "actual_output": said}
        plan = _sent(http, "PATCH", f"/api/plans/{plan['id']}/steps/{step}", done)
    assert (plan["status"], plan["progress_percentage"]) == ("completed", 100)
    assert plan["steps"][1]["actual_output"] == "hello\n"

    _sent(http, "POST", f"/api/plans/{second['id']}/start")
    desk.order("stop")
    read = f"/api/plans/{second['id']}"

    def fell() -> bool:
        return _sent(http, "GET", read)["status"] == "failed"

    wait_until(fell, timeout_s=FALLS_WITHIN_S, what="the plan to fail", every_s=0.1)
    assert _sent(http, "GET", read)["error_message"] == "The instance was stopped."
    _sent(http, "POST", f"{read}/retry")
    _sent(http, "POST", f"{read}/start", status=409)
