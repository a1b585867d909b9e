"""`make up` before anything starts: what it refuses, and what it leaves behind when it does (nothing)."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from infra import deployment as deployments
from infra import down, up
from infra.embedded.paths import State, reachable_by_others
from infra.embedded.processes import Failed, free_port, port_is_free
from infra.embedded.secrets import Secrets
from infra.progress import say, step
from tests.services import temporary_state


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> State:
    state = temporary_state("up")
    monkeypatch.setenv("RUNTIME_DIR", str(state.runtime.parent))
    monkeypatch.setattr(up, "_stop_on_signals", lambda: None)
    return state


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_terminal_that_is_gone_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1, closefd=False) as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        with step("Resting the machines"):
            say("a line")
            done.append("rested")
        done.append("stopped")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)  # what it still holds may go now
    os.close(writer)
    assert done == ["rested", "stopped"]


def test_a_port_in_use_is_said_before_anything_starts(
    state: State, taken_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert up.main(["--state-dir", str(state.root), "--port", str(taken_port)]) == 1
    assert f"Port {taken_port} is in use" in capsys.readouterr().out
    assert not state.postgres.exists()
    assert list(state.processes.iterdir()) == []


def test_a_second_up_says_that_one_runs(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    with deployments.held(state):
        assert up.main(["--state-dir", str(state.root), "--port", str(free_port())]) == 1
    assert f"already running (process {os.getpid()})" in capsys.readouterr().out


def test_the_deployment_is_free_again_when_its_holder_is_gone(state: State) -> None:
    with deployments.held(state):
        pass
    with deployments.held(state):
        assert state.lock.read_text() == str(os.getpid())


def test_down_without_a_deployment_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert down.main(["--state-dir", str(tmp_path / "none")]) == 0
    assert not (tmp_path / "none").exists()
    assert "no deployment" in capsys.readouterr().out


def test_reset_forgets_all_data_of_its_own_deployment_only(state: State) -> None:
    other = temporary_state("other")
    assert down.main(["--state-dir", str(state.root), "--wipe"]) == 0
    assert not state.root.exists()
    assert not state.runtime.exists()
    assert other.root.exists()
    assert other.runtime.exists()


def test_a_fresh_state_folder_means_fresh_data(state: State, tmp_path: Path) -> None:
    again = State.at(state.root, runtime_root=state.runtime.parent)
    fresh = State.at(tmp_path / "fresh", runtime_root=state.runtime.parent)
    assert again.runtime == state.runtime
    assert fresh.runtime != state.runtime


def test_two_that_make_a_state_folder_at_once_mean_the_same_data(tmp_path: Path) -> None:
    begin = threading.Barrier(8)

    def made(number: int) -> Path:
        begin.wait(10)
        return State.at(tmp_path / "state", runtime_root=tmp_path / "runtime").runtime

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(made, range(8)))) == 1


@pytest.mark.parametrize("written", ["", "\n", "..", "0123456789/x"])
def test_a_broken_id_never_means_the_folder_of_all_deployments(tmp_path: Path, written: str) -> None:
    root, runtime_root = tmp_path / "state", tmp_path / "runtime" / "root"
    root.mkdir()
    (root / "id").write_text(written)
    with pytest.raises(Failed, match="holds no deployment's id"):
        State.at(root, runtime_root=runtime_root)
    assert not runtime_root.exists()


def test_secrets_are_made_once_and_for_our_eyes_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = Secrets.kept_in(path)
    assert Secrets.kept_in(path) == first
    assert path.stat().st_mode & 0o077 == 0
    assert first.postgres_app not in repr(first)


def test_a_secret_that_a_newer_version_wants_is_added_to_the_kept_ones(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    known = asdict(Secrets.kept_in(path))
    gateway = known.pop("gateway")
    path.write_text(json.dumps(known))
    grown = Secrets.kept_in(path)
    assert grown.gateway != gateway
    assert grown.django == known["django"]
    assert json.loads(path.read_text())["gateway"] == grown.gateway


def test_ports_stay_the_same_while_they_are_free(state: State) -> None:
    first = deployments.Ports.chosen(state.ports)
    assert deployments.Ports.chosen(state.ports) == first
    with socket.socket() as intruder:
        intruder.bind(("127.0.0.1", first.gateway))
        intruder.listen()
        assert not port_is_free(first.gateway)
        assert deployments.Ports.chosen(state.ports).gateway != first.gateway
        assert deployments.Ports.chosen(state.ports).postgres == first.postgres


def test_a_private_folder_above_is_seen(tmp_path: Path) -> None:
    inner = tmp_path / "private" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)
    assert not reachable_by_others(inner)
