"""A guest that is told only where to ask: what it keeps, what it asks again, and when it stops."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from guest import bootstrap
from guest.config import Config
from tests.guest.desk import ROOT

ANSWER = {
    "incarnation": "one-1",
    "token": "own",
    "gateway": "wss://g",
    "flavour": "ubuntu",
    "width": 800,
    "height": 600,
}
CUT = 0


class Platform:
    """Answers as `planned` says, one status a request, and then 200."""

    def __init__(self) -> None:
        self.planned: list[int] = []
        self.asked: list[dict[str, Any]] = []
        self.url = ""

    def answer(self, body: bytes) -> tuple[int, bytes]:
        self.asked.append(json.loads(body))
        status = self.planned.pop(0) if self.planned else 200
        said = ANSWER if status == 200 else {"error": "The machine's token has been redeemed by another claim."}
        return status, json.dumps(said).encode()


@pytest.fixture
def platform() -> Iterator[Platform]:
    one = Platform()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = one.answer(self.rfile.read(int(self.headers["Content-Length"])))
            if status == CUT:
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        one.url = f"http://127.0.0.1:{server.server_address[1]}/api/system/bootstrap"
        yield one
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bootstrap, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    told = {"url": platform.url, "machine": "one-1", "token": "good-once"}
    (tmp_path / "bootstrap.json").write_text(json.dumps(told))
    (tmp_path / "places.json").write_text(json.dumps({"home": "/home/desk", "token": "not-this"}))
    return tmp_path


def test_it_keeps_its_own_token_and_forgets_what_it_was_told(folder: Path, platform: Platform) -> None:
    config = bootstrap.prepare(folder)
    kept = json.loads(config.read_text())
    assert Config(**kept) == Config(**ANSWER, home="/home/desk")
    assert config.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in folder.iterdir()} == {"guest.json", "places.json"}
    assert platform.asked[0]["token"] == "good-once" and len(platform.asked[0]["claim"]) >= 32


def test_at_its_next_start_it_asks_nobody(folder: Path, platform: Platform) -> None:
    assert bootstrap.prepare(folder) == bootstrap.prepare(folder)
    assert len(platform.asked) == 1


@pytest.mark.parametrize("fault", [CUT, 429, 500, 503])
def test_where_no_answer_came_it_asks_again_with_the_same_claim(folder: Path, platform: Platform, fault: int) -> None:
    platform.planned = [fault, fault]
    bootstrap.prepare(folder)
    assert len({asked["claim"] for asked in platform.asked}) == 1 and len(platform.asked) == 3


def test_killed_before_its_answer_was_kept_it_is_known_again(
    folder: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(bootstrap, "_places", fail)
        bootstrap.prepare(folder)
    bootstrap.prepare(folder)
    assert platform.asked[0] == platform.asked[1]


def test_a_new_first_boot_goes_before_what_an_image_has_kept(folder: Path, platform: Platform) -> None:
    (folder / "guest.json").write_text(json.dumps(ANSWER | {"incarnation": "another-7"}))
    assert json.loads(bootstrap.prepare(folder).read_text())["incarnation"] == "one-1"


@pytest.mark.parametrize("status", [400, 403, 409])
def test_refused_it_ends_with_the_reason_and_without_a_secret(folder: Path, platform: Platform, status: int) -> None:
    platform.planned = [status] * 2
    arguments = [sys.executable, "-P", "-m", "guest", "--bootstrap", str(folder)]
    ended = subprocess.run(
        arguments, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"}, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 4
    assert str(status) in ended.stderr and "redeemed by another claim" in ended.stderr
    assert "good-once" not in ended.stderr and "Traceback" not in ended.stderr


def test_nobody_answering_it_gives_up_at_some_time(
    folder: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "KEEP_ASKING_S", 0)
    platform.planned = [503] * 5
    with pytest.raises(bootstrap.BootstrapFailed, match="in time"):
        bootstrap.prepare(folder)


@pytest.mark.parametrize("told", ["", "[]", "{}", '{"url": "file:///etc/passwd", "machine": "m", "token": "t"}'])
def test_a_bootstrap_that_makes_no_sense_is_refused(folder: Path, told: str) -> None:
    (folder / "bootstrap.json").write_text(told)
    with pytest.raises(bootstrap.BootstrapFailed):
        bootstrap.prepare(folder)


def test_with_nothing_told_and_nothing_kept_there_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(bootstrap.BootstrapFailed):
        bootstrap.prepare(tmp_path)
