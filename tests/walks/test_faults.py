"""SIGKILL of worker, web or gateway in the middle of it all: everything converges without help, with one machine."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle

import httpx
import pytest

from infra.embedded.paths import CHECKOUT
from infra.embedded.processes import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.machine]

LIST_MACHINES = """
import json, django
django.setup()
from instances.providers import registry
print(json.dumps([token for token, _ in registry.provider("local").list_ours()]))
"""


def machines(stack) -> list[str]:
    """What the provider itself has, by name."""
    environment = {**stack.environment(), "DJANGO_SETTINGS_MODULE": "orchestrator.settings"}
    found = subprocess.run(
        [sys.executable, "-c", LIST_MACHINES], env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return json.loads(found.stdout.splitlines()[-1])


def machines_of(stack, desk) -> list[str]:
    return [name for name in machines(stack) if name.startswith(desk.id.replace("-", ""))]


@pytest.mark.parametrize("victim", ["worker", "web", "gateway"])
def test_a_kill_in_the_middle_of_provisioning(ask, stack, victim):
    desk = ask("ubuntu")
    stack.kill(victim)
    desk.wait("running")
    assert machines_of(stack, desk) == [f"{desk.id.replace('-', '')}-1"]
    assert desk.shell("echo alive")["stdout"] == "alive\n"


@pytest.mark.parametrize("victim", ["worker", "web", "gateway"])
def test_a_kill_in_the_middle_of_a_delete(ask, stack, victim):
    desk = ask("ubuntu")
    desk.wait("running")
    desk.delete()
    stack.kill(victim)
    stack.await_healthy()
    wait_until(
        lambda: desk.http.get(f"/api/instances/{desk.id}").status_code == 404,
        timeout_s=120,
        what="the end of the instance",
        every_s=0.2,
    )
    assert machines_of(stack, desk) == []


@pytest.mark.parametrize("victim", ["web", "gateway"])
def test_a_kill_in_the_middle_of_an_action_is_a_clear_error_and_no_lost_machine(ask, stack, victim):
    desk = ask("ubuntu")
    desk.wait("running")
    boot = desk.shell("cat /proc/1/stat")["stdout"]
    marker = subprocess.Popen(
        [sys.executable, "-c", _LONG_ACTION, stack.url, stack.api_key, desk.id], stdout=subprocess.PIPE, text=True
    )
    wait_until(lambda: "begun" in desk.shell("ls")["stdout"], timeout_s=20, what="the action's begin", every_s=0.1)
    stack.kill(victim)
    said = marker.communicate(timeout=60)[0]
    assert said.startswith(("502", "504", "cut")), said
    stack.await_healthy()

    def answers() -> bool:
        answer = desk.http.post(
            f"/api/instances/{desk.id}/actions", json={"type": "bash", "command": "cat /proc/1/stat"}
        )
        return answer.status_code == 200 and answer.json()["shell"]["stdout"].split()[21:22] == boot.split()[21:22]

    wait_until(answers, timeout_s=60, what="the same machine to answer again", every_s=0.2)
    assert desk.read()["status"] == "running"


def test_an_action_that_a_restart_cuts_short_is_told_so_and_written(ask, stack):
    """By both ways: with an idempotency key it waits in a thread."""
    desk = ask("ubuntu")
    desk.wait("running")

    def wait_long(name, headers):
        action = {"type": "bash", "command": f"touch {name}; sleep 60", "timeout_s": 100}
        return desk.http.post(f"/api/instances/{desk.id}/actions", json=action, headers=headers)

    with ThreadPoolExecutor(2) as waiting:
        asked = [waiting.submit(wait_long, *how) for how in (("quick", {}), ("ordinary", {"Idempotency-Key": desk.id}))]
        begun = {"quick", "ordinary"}
        wait_until(lambda: begun <= set(desk.shell("ls")["stdout"].split()), timeout_s=20, what="both", every_s=0.1)
        stack.restart("web")
        answers = [each.result() for each in asked]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "UNAVAILABLE")] * 2
    rows = desk.http.get(f"/api/instances/{desk.id}/logs?level=error").json()["results"]
    assert [row["message"] for row in rows] == ["The platform was restarted meanwhile."] * 2


def test_a_machine_that_is_killed_is_an_error_that_retry_mends(ask, stack):
    desk = ask("ubuntu")
    desk.wait("running")
    killer = {"type": "bash", "command": "kill -9 -1", "timeout_s": 10}
    assert desk.http.post(f"/api/instances/{desk.id}/actions", json=killer).status_code in (200, 502)
    assert desk.wait("error", timeout_s=60)["status_reason"]
    desk.order("retry")
    assert desk.wait("running")["incarnation"] == 2
    assert desk.shell("echo alive")["stdout"] == "alive\n"
    assert machines_of(stack, desk) == [f"{desk.id.replace('-', '')}-2"]


def test_losing_all_that_the_broker_held_still_converges(ask, stack):
    desk = ask("ubuntu")
    stack.kill("valkey")
    stack.await_healthy()
    desk.wait("running")
    assert len(machines_of(stack, desk)) == 1


def test_a_database_that_restarts_under_load_is_a_503_for_a_moment_and_nobody_else_restarts(ask, stack):
    desk = ask("ubuntu")
    desk.wait("running")
    pids = {name: stack.pid(name) for name in ("web", "worker", "gateway")}
    with crowd(stack, f"/api/instances/{desk.id}", f"/api/instances/{desk.id}/logs", "/api/instances") as answers:
        wait_until(lambda: len(answers) > 50, timeout_s=30, what="a crowd", every_s=0.05)
        for _ in range(5):  # it may be back before anybody has asked it for something
            stack.kill("postgres")
            stack.await_healthy()
            if any(answer.status_code != 200 for answer in list(answers)):
                break
        back = len(answers)
        wait_until(lambda: len(answers) > back + 100, timeout_s=60, what="the crowd's return", every_s=0.05)
    refusals = [answer for answer in answers if answer.status_code != 200]
    assert refusals, "the restart was not noticed, so nothing was tried"
    for refusal in refusals:
        assert refusal.status_code == 503, refusal.text
        assert set(refusal.json()) == {"error", "code", "details", "request_id"} and "Retry-After" in refusal.headers
    assert all(answer.status_code == 200 for answer in answers[-50:])
    assert {name: stack.pid(name) for name in pids} == pids
    assert desk.shell("echo alive")["stdout"] == "alive\n"


@contextmanager
def crowd(stack, *paths: str, clients: int = 6):
    """Clients that read these paths again and again; what they were answered, in order."""
    answers: list[httpx.Response] = []
    over = threading.Event()

    def read() -> None:
        with stack.client() as client:
            for path in cycle(paths):
                if over.is_set():
                    return
                answers.append(client.get(path))

    with ThreadPoolExecutor(clients) as pool:
        readers = [pool.submit(read) for _ in range(clients)]
        try:
            yield answers
        finally:
            over.set()
        for reader in readers:
            reader.result(timeout=60)


_LONG_ACTION = """
import sys, httpx
url, key, instance = sys.argv[1:]
try:
    answer = httpx.post(
        f"{url}/api/instances/{instance}/actions", headers={"Authorization": "Bearer " + key}, timeout=50,
        json={"type": "bash", "command": "touch begun; sleep 20", "timeout_s": 25}, trust_env=False)
    print(answer.status_code, answer.text)
except httpx.HTTPError as error:
    print("cut", error)
"""
