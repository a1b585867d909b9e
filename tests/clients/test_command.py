"""The command, in this process and on the real application: what it prints where, and how it ends."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from guest.protocol.results import Result, Shell
from orchestrator.wsgi import application
from orchestrator_client import Client
from orchestrator_client.cli import main, session
from orchestrator_client.retries import Retries
from tests.clients.conftest import KEY, URL, refusal
from tests.instances.conftest import World


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ran]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """`command("instances", "list", stdin="")`, as a shell would run it."""

    def run(*words: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["orchestrator", *words])
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return Ran(ended.value.code or 0, said.out, said.err)

    return run


def _over(monkeypatch: pytest.MonkeyPatch, transport: httpx.BaseTransport) -> None:
    """Have every client that the command makes speak over this."""

    def made(url: str | None = None, api_key: str | None = None, **options: Any) -> Client:
        return Client(url, api_key, **options, retries=Retries(attempts=1), http=httpx.Client(transport=transport))

    monkeypatch.setattr(session, "Client", made)
    monkeypatch.setattr("orchestrator_client.cli.access.Client", made)


@pytest.fixture
def signed_in(secret: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with a profile of the real application in use."""
    _over(monkeypatch, httpx.WSGITransport(application))
    ran = command("login", URL, "--key-stdin", stdin=f"{secret}\n")
    assert (ran.code, ran.out) == (0, "") and "operator of site" in ran.err
    return command


def test_a_login_keeps_what_the_platform_took_and_nothing_else(
    world: World, secret: str, command: Command, monkeypatch: pytest.MonkeyPatch, no_settings_of_the_machine: Path
) -> None:
    _over(monkeypatch, httpx.WSGITransport(application))
    assert command("login", URL, "--key-stdin", stdin="keyunknown_key\n").code == 5
    assert not no_settings_of_the_machine.exists()
    credentials = no_settings_of_the_machine.parent.parent / "credentials.json"
    credentials.write_text(json.dumps({"url": URL, "api_key": secret}))
    assert command("login", "--credentials", str(credentials), "--name", "here").code == 0
    assert command("whoami", "-o", "json").json["site_id"] == str(world.principal.site_id)
    listed = command("profiles", "list", "-o", "json")
    assert listed.json == [{"name": "here", "url": URL, "in_use": True}] and secret not in listed.out
    assert command("profiles", "remove", "here").code == 0
    assert command("whoami").code == 2


def test_a_login_without_a_terminal_reads_the_key_and_warns_of_nothing(signed_in: Command, secret: str) -> None:
    ran = signed_in("login", URL, stdin=f"{secret}\n")
    assert ran.code == 0 and "API key" not in ran.err and "echo" not in ran.err
    assert signed_in("login", URL).code == 2, "no key came"


def test_an_output_that_takes_no_more_is_told_in_a_sentence(
    signed_in: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullDisk(StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdout", FullDisk())
    ran = signed_in("instances", "list")
    assert (ran.code, ran.err) == (1, "Error: No space left on device\n")


def test_a_login_with_an_empty_key_keeps_the_one_that_was_there(world: World, signed_in: Command) -> None:
    assert signed_in("login", URL, "--key-stdin", stdin="\n").code == 2
    assert signed_in("whoami", "-o", "json").json["site_id"] == str(world.principal.site_id)


def test_instances_are_made_listed_and_ordered(world: World, signed_in: Command, monkeypatch) -> None:
    monkeypatch.setenv("A_SECRET", "s3cret")
    made = signed_in("instances", "create", "-n", "a desk", "--type", "ubuntu", "--env", "A_SECRET", "-o", "json").json
    assert (made["status"], made["environment_variables"]) == ("pending", ["A_SECRET"])
    listed = signed_in("instances", "list", "--status", "pending", "-o", "json").json
    assert [row["id"] for row in listed] == [made["id"]]
    assert signed_in("instances", "list", "-o", "id").out == f"{made['id']}\n"
    table = signed_in("instances", "list").out
    assert table.startswith("ID") and made["id"] in table and "a desk" in table
    assert signed_in("instances", "list", "--status", "running").out.splitlines()[1:] == []
    assert "pending" in signed_in("instances", "get", made["id"]).out
    assert signed_in("instances", "stop", made["id"], "-o", "json").json["desired_state"] == "stopped"
    assert signed_in("instances", "delete", made["id"], "-o", "json").json["desired_state"] == "deleted"
    events = signed_in("instances", "events", made["id"], "-o", "json").json
    assert [event["number"] for event in events] == sorted(event["number"] for event in events)


@pytest.mark.parametrize(
    ("shell", "code", "out", "err"),
    [
        (Shell(stdout="hello\n", stderr="", exit_code=0), 0, "hello\n", ""),
        (Shell(stdout="", stderr="no such file\n", exit_code=3), 3, "", "no such file\n"),
        (Shell(stdout="begun", stderr="", exit_code=None, timed_out=True), 124, "begun", "(ended after 5 s)\n"),
    ],
)
def test_a_command_on_the_machine_speaks_and_ends_through_ours(
    world: World, signed_in: Command, monkeypatch, shell: Shell, code: int, out: str, err: str
) -> None:
    instance = world.running()
    monkeypatch.setattr("tests.doubles._result", lambda action: Result(shell=shell))
    ran = signed_in("instances", "bash", "-t", "5", str(instance.pk), "ls", "-l", "--color=never")
    assert (ran.code, ran.out, ran.err) == (code, out, err)
    assert world.guests.acted[-1][1].command == "ls -l --color=never"


def test_actions_are_done_from_words_from_json_and_from_stdin(world: World, signed_in: Command) -> None:
    id = str(world.running().pk)
    assert signed_in("instances", "click", id, "10", "20").code == 0
    assert signed_in("instances", "press", id, "ctrl", "l").code == 0
    assert signed_in("instances", "type", id, "-", stdin="a secret").code == 0
    assert signed_in("instances", "act", id, '{"type": "move", "x": 1, "y": 2}').json["type"] == "move"
    assert signed_in("instances", "act", id, "no json").code == 2
    assert signed_in("instances", "act", id, '{"type": "fly"}').code == 2
    logged = signed_in("instances", "logs", id, "--type", "user_action", "-o", "json")
    assert len(logged.json) >= 4 and "a secret" not in logged.out
    assert id in signed_in("logs", "-n", "1").out


def test_what_others_wrote_does_nothing_to_the_terminal(world: World, client: Client, signed_in: Command) -> None:
    id = str(world.running().pk)
    client.logs.write(id, log_type="thinking", message="\x1b]0;mine\x07one\ntwo [red]three")
    shown = signed_in("instances", "logs", id, "--type", "thinking").out
    assert "\\x1b]0;mine\\x07one\\ntwo [red]three" in shown and "\x1b" not in shown


@pytest.mark.parametrize("format", ["json", "table"])
def test_a_name_that_the_locale_cannot_spell_is_shown_all_the_same(tmp_path: Path, format: str) -> None:
    profiles = tmp_path / "profiles.json"
    profiles.write_text(json.dumps({"in_use": None, "profiles": {"\u6f22": {"url": URL, "api_key": "k"}}}))
    profiles.chmod(0o600)
    words = [sys.executable, "-m", "orchestrator_client", "profiles", "list", "-o", format]
    given = {**os.environ, "ORCHESTRATOR_PROFILES": str(profiles), "PYTHONIOENCODING": "cp1252"}
    ran = subprocess.run(words, env=given, capture_output=True, timeout=30, check=False)
    assert (ran.returncode, b"\\u6f22" in ran.stdout) == (0, True), ran.stderr
    assert format != "json" or json.loads(ran.stdout)[0]["name"] == "\u6f22"


def test_a_refusal_in_a_machines_words_does_nothing_to_the_terminal(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = httpx.Response(502, json={"error": "\x1b]0;mine\x07", "code": "GUEST_FAILED", "details": {"why": "\x9bm"}})
    _over(monkeypatch, httpx.MockTransport(lambda request: answer))
    monkeypatch.setenv("ORCHESTRATOR_URL", URL)
    monkeypatch.setenv("ORCHESTRATOR_API_KEY", KEY)
    ran = command("whoami")
    assert "\\x1b]0;mine\\x07" in ran.err and "\x1b" not in ran.err and "\x9b" not in ran.err


def test_a_plan_is_written_begun_and_completed(world: World, signed_in: Command) -> None:
    id = str(world.running().pk)
    plan = signed_in(
        "plans", "create", "-i", id, "--title", "Two", "-s", "One", "-s", "Two", "--start", "-o", "json"
    ).json
    assert plan["status"] == "in_progress"
    for step in plan["steps"]:
        assert signed_in("plans", "step", plan["id"], step["id"], "--status", "completed", "--result", "done").code == 0
    assert "completed" in signed_in("plans", "get", plan["id"]).out
    assert signed_in("plans", "retry", plan["id"]).code == 6
    assert [row["id"] for row in signed_in("plans", "list", "--status", "completed", "-o", "json").json] == [plan["id"]]
    assert signed_in("plans", "events", plan["id"]).out.count("\n") > 2


def test_any_request_is_made_and_its_answer_printed(world: World, signed_in: Command) -> None:
    made = signed_in("request", "POST", "/api/agents", "-d", "-", stdin='{"name": "Ada"}').json
    found = signed_in("request", "GET", "/api/agents", "-q", "name=Ada").json
    assert [row["id"] for row in found["results"]] == [made["id"]]
    assert signed_in("request", "GET", "api/agents").code == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["instances", "get", str(uuid4())], 3),
        (["keys", "create", "mine"], 5),
        (["instances", "create"], 2),
        (["instances", "create", "-n", "x", "--env", "NOT_SET_ANYWHERE"], 2),
        (["instances", "create", "-n", "x", "--config", "{"], 2),
        (["fly"], 2),
        (["--profile", "nobody", "health"], 2),
        (["instances", "delete", ""], 2),
        (["request", "GET", "/a\nb"], 2),
        (["instances", "type", "x", "\udcff"], 2),
    ],
)
def test_each_failure_has_its_exit_code_and_speaks_to_stderr(
    world: World, signed_in: Command, words: list[str], code: int
) -> None:
    ran = signed_in(*words)
    assert (ran.code, ran.out) == (code, "") and ran.err


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refusal(408, "WAIT_TIMEOUT"), 4),
        (refusal(409, "CONFLICT"), 6),
        (refusal(429, "TOO_MANY"), 7),
        (refusal(503, "UNAVAILABLE"), 7),
        (refusal(502, "GUEST_FAILED"), 1),
        (httpx.Response(200, text="hello"), 1),
    ],
)
def test_a_wait_ends_by_what_it_met(
    command: Command, monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, code: int
) -> None:
    _over(monkeypatch, httpx.MockTransport(lambda request: answer))
    monkeypatch.setenv("ORCHESTRATOR_URL", URL)
    monkeypatch.setenv("ORCHESTRATOR_API_KEY", KEY)
    ran = command("instances", "wait", "i-1", "--timeout", "0")
    assert ran.code == code
    assert KEY not in ran.out + ran.err


def test_an_unwell_platform_is_shown_part_by_part(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"postgres": {"ok": True}, "worker": {"ok": False, "reason": "No worker."}}
    unwell = httpx.Response(503, json={"ok": False, "version": "1", "components": parts})
    _over(monkeypatch, httpx.MockTransport(lambda request: unwell))
    monkeypatch.setenv("ORCHESTRATOR_URL", URL)
    monkeypatch.setenv("ORCHESTRATOR_API_KEY", KEY)
    ran = command("health")
    assert (ran.code, ran.out) == (1, "ok   postgres\nBAD  worker  No worker.\n")
    assert command("health", "-o", "json").json["components"] == parts


def test_every_command_explains_itself(command: Command) -> None:
    for words in ([], ["instances"], ["plans"], ["keys"], ["profiles"], ["instances", "create"], ["instances", "bash"]):
        ran = command(*words, "--help")
        assert ran.code == 0 and "Usage: orchestrator" in ran.out
    assert "Exit codes" in command("--help").out
