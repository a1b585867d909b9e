"""The supervisor: restarts what dies, keeps logs within bounds, ends what it started and nothing else."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.embedded.processes import Process, Program, started_ticks, trim, wait_until
from infra.supervisor import Supervisor, end_leftovers

SLEEPER = "import time; print('awake', flush=True); time.sleep(600)"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    (tmp_path / "processes").mkdir()
    supervisor = Supervisor(tmp_path / "processes", said.append)
    yield supervisor
    supervisor.stop()


def program(tmp_path: Path, code: str = SLEEPER, name: str = "sleeper") -> Program:
    return Program(name, (sys.executable, "-c", code), tmp_path / f"{name}.log")


def look_until(supervisor: Supervisor, done: Callable[[], bool]) -> None:
    def look() -> bool:
        supervisor.look()
        return done()

    wait_until(look, timeout_s=20, what="what the supervisor should do")


def recorded_pid(tmp_path: Path, name: str = "sleeper") -> str:
    return (tmp_path / "processes" / f"{name}.json").read_text()


def test_a_killed_child_is_started_again_and_it_is_said_once(
    supervisor: Supervisor, tmp_path: Path, said: list[str]
) -> None:
    first = supervisor.start(program(tmp_path))
    record = recorded_pid(tmp_path)
    os.kill(first.pid, signal.SIGKILL)
    look_until(supervisor, lambda: recorded_pid(tmp_path) != record)
    assert supervisor.is_running("sleeper")
    assert len(said) == 1
    assert "sleeper was ended by SIGKILL" in said[0]


@pytest.mark.parametrize("without_room", [(Path, "write_text"), (subprocess, "Popen")], ids=["disk", "processes"])
def test_a_child_is_started_again_although_the_host_had_no_room_at_first(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_room: tuple[object, str]
) -> None:
    refused: list[str] = []

    def no_room(*_: object, **__: object) -> None:
        refused.append("no room")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    first = supervisor.start(program(tmp_path))
    first.kill()
    with monkeypatch.context() as patch:
        patch.setattr(*without_room, no_room)
        look_until(supervisor, lambda: bool(refused))
    look_until(supervisor, lambda: supervisor.is_running("sleeper"))
    assert supervisor.is_running("sleeper")


def test_a_child_that_keeps_dying_is_waited_for_longer_each_time(
    supervisor: Supervisor, tmp_path: Path, said: list[str]
) -> None:
    supervisor.start(program(tmp_path, "raise SystemExit(3)"))
    look_until(supervisor, lambda: len(said) == 3)
    assert [line.split("again in ")[1].split(" s")[0] for line in said] == ["0.2", "0.4", "0.8"]
    assert all("ended with code 3" in line for line in said)


def test_stopping_ends_every_child_the_last_started_first(supervisor: Supervisor, tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        f"    open({str(order)!r}, 'a').write(sys.argv[1] + ' ')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('awake', flush=True)\n"
        "time.sleep(600)"
    )
    children = []
    for name in ("first", "second"):
        command = (sys.executable, "-c", code, name)
        children.append(supervisor.start(Program(name, command, tmp_path / f"{name}.log")))
        wait_until(lambda log=tmp_path / f"{name}.log": "awake" in log.read_text(), timeout_s=20, what="a child")
    supervisor.stop()
    assert order.read_text().split() == ["second", "first"]
    assert all(child.exit_code is not None for child in children)
    assert list((tmp_path / "processes").iterdir()) == []


def test_what_a_killed_supervisor_left_running_is_ended(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "processes").mkdir()
    child = Supervisor(tmp_path / "processes", said.append).start(program(tmp_path))
    end_leftovers(tmp_path / "processes")
    assert child.exit_code is not None
    assert list((tmp_path / "processes").iterdir()) == []


def test_a_process_that_took_over_the_number_of_a_dead_child_is_let_alone(tmp_path: Path) -> None:
    (tmp_path / "processes").mkdir()
    stranger = Process(program(tmp_path))
    ticks = started_ticks(stranger.pid)
    assert ticks is not None
    record = f'{{"pid": {stranger.pid}, "ticks": {ticks - 1}, "signal": 15}}'
    (tmp_path / "processes" / "sleeper.json").write_text(record)
    try:
        end_leftovers(tmp_path / "processes")
        assert stranger.exit_code is None
    finally:
        stranger.kill()


def test_a_record_that_a_power_cut_emptied_hinders_no_start(tmp_path: Path) -> None:
    (tmp_path / "sleeper.json").touch()
    end_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_ignores_its_stop_signal_is_killed_after_its_grace(tmp_path: Path) -> None:
    code = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
    stubborn = Program("stubborn", (sys.executable, "-c", code), tmp_path / "stubborn.log", grace_s=0.2)
    process = Process(stubborn)
    wait_until(lambda: "awake" in stubborn.log.read_text(), timeout_s=20, what="the stubborn child")
    process.stop()
    assert process.exit_code == -signal.SIGKILL


def test_a_log_past_its_bound_is_cut_and_its_writer_writes_on(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab") as writer:
        writer.write(b"a" * 100)
        writer.flush()
        trim(log, longest_bytes=50)
        writer.write(b"after")
        writer.flush()
    assert log.read_bytes() == b"after"
    assert (tmp_path / "web.log.1").read_bytes() == b"a" * 100


def test_a_log_within_its_bound_is_let_alone(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("short")
    trim(log, longest_bytes=50)
    assert log.read_text() == "short"
    assert not (tmp_path / "web.log.1").exists()


def test_a_log_past_its_bound_is_cut_on_a_full_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", no_room)
    log = tmp_path / "web.log"
    log.write_text("a" * 100)
    trim(log, longest_bytes=50)
    assert log.stat().st_size == 0
