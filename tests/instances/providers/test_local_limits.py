"""A machine that takes all it can get: it is bounded, and it ends with a reason that people understand."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from instances.providers.base import Power
from instances.providers.local import deleted, limits
from instances.providers.local.disk import DiskWatch
from tests.contracts.provider import until
from tests.instances.providers.rig import Machine, Rig

pytestmark = pytest.mark.machine

HOG = "python3 -c 'hoard = []\nwhile True: hoard.append(bytearray(16 << 20))'"


def needs(controller: str) -> None:
    groups = limits.Cgroups.plan(f"probe-of-the-tests-{os.getpid()}")
    groups.make(memory_mib=64)
    missing = groups.missing
    limits.end(groups.paths, within_s=2)
    if controller in missing:
        pytest.skip(f"this host does not let us limit {controller}")


def cgroup_file(machine: Machine, name: str) -> Path:
    status = machine.directory.status()
    assert status is not None
    return next(path for group in status["cgroups"] if (path := Path(group) / name).exists())


def test_a_memory_hog_ends_and_its_machine_lives(rig: Rig) -> None:
    needs("memory")
    machine = rig.up(memory_mib=256)
    assert "Killed" in machine.run(HOG + "; true")
    assert machine.provider.inspect(machine.handle).power is Power.UP


def test_a_machine_whose_own_program_runs_out_of_memory_is_gone_and_says_so(rig: Rig) -> None:
    needs("memory")
    machine = rig.up(memory_mib=128, provider=rig.provider(f"exec {HOG}"))
    assert machine.awaits(Power.GONE) == "The machine ran out of memory: its limit is 128 MiB."


def test_what_a_machine_keeps_in_its_memory_folders_counts(rig: Rig) -> None:
    needs("memory")
    machine = rig.up(memory_mib=128)
    assert "No space left" in machine.run("head -c 100M /dev/zero >/tmp/file; rm /tmp/file")


def test_a_fork_bomb_is_bounded_and_the_host_keeps_working(rig: Rig) -> None:
    needs("pids")
    bombed, other = rig.up("bomb-1"), rig.up("other-1")
    bombed.ask("bomb() { bomb | bomb & }; bomb")
    until(lambda: _number(cgroup_file(bombed, "pids.current")) >= limits.PIDS * 0.9, what="the bomb")
    assert other.run("echo alive") == "alive\n"
    assert _within_s(3, lambda: bombed.provider.inspect(bombed.handle))
    bombed.provider.destroy(bombed.handle)
    assert bombed.provider.inspect(bombed.handle).power is Power.GONE


def test_a_machine_that_fills_its_disk_is_ended_with_a_reason(rig: Rig) -> None:
    machine = rig.up(disk_mib=64)
    machine.ask("for number in 1 2 3; do head -c 40M /dev/zero >~/file$number; done; sleep 60")
    assert machine.awaits(Power.GONE) == "The machine used more than its disk of 64 MiB."


def test_what_a_machine_closes_to_itself_counts(rig: Rig) -> None:
    machine = rig.up(disk_mib=64)
    machine.ask(
        "mkdir ~/closed; exec 7>~/closed/1 8>~/closed/2; chmod 000 ~/closed;"
        " head -c 40M /dev/zero >&7; head -c 40M /dev/zero >&8; sleep 60"
    )
    assert machine.awaits(Power.GONE) == "The machine used more than its disk of 64 MiB."


def test_what_a_machine_deletes_and_holds_open_counts(rig: Rig) -> None:
    machine = rig.up(disk_mib=64)
    machine.ask(
        "for number in 1 2; do"
        " (exec 7>~/file$number; rm ~/file$number; head -c 40M /dev/zero >&7; sleep 60) & done; wait"
    )
    assert machine.awaits(Power.GONE) == "The machine used more than its disk of 64 MiB."


def test_a_machine_cannot_hide_its_files_behind_very_many_open_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleted, "MOST_OPEN", 1)
    watch = DiskWatch(tmp_path, disk_mib=1, uid=None, first_pid=os.getpid())
    assert watch._verdict(b"1\t/home\n1\t/home\n") == "The machine held more than 1 files open."


def test_a_file_that_is_deleted_while_it_is_counted_hides_no_others(tmp_path: Path) -> None:
    failing = tmp_path / "du"
    failing.write_text('#!/bin/sh\n/usr/bin/du "$@"\nexit 1\n')
    failing.chmod(0o755)
    for number in range(150):
        (tmp_path / f"file{number}").touch()
    assert _counted(tmp_path, program=tmp_path) == "The machine made more than the 100 files its disk may hold."


def test_no_single_file_outgrows_the_disk(rig: Rig) -> None:
    machine = rig.up(disk_mib=64)
    assert "File size limit exceeded" in machine.run("head -c 80M /dev/zero >~/file; true")


def test_many_small_files_are_too_much_as_well(tmp_path: Path) -> None:
    watch = DiskWatch(tmp_path, disk_mib=1, uid=None)
    verdicts = [watch._verdict(b"1\t/home\n100\t/home\n"), watch._verdict(b"1\t/home\n101\t/home\n")]
    assert verdicts == ["", "The machine made more than the 100 files its disk may hold."]


def test_chatter_does_not_fill_the_keepers_log(rig: Rig) -> None:
    machine = rig.up()
    machine.run("head -c 3M /dev/zero | tr '\\0' x >&3")
    assert machine.run("echo alive") == "alive\n"
    assert machine.directory.log.stat().st_size <= 1024 * 1024


def test_an_ended_machine_leaves_no_cgroup(rig: Rig) -> None:
    machine = rig.up()
    status = machine.directory.status()
    assert status is not None
    machine.provider.stop(machine.handle)
    machine.awaits(Power.RESTING)
    assert not any(Path(path).exists() for path in status["cgroups"])


def _counted(home: Path, *, program: Path) -> str:
    """The first verdict over a disk of 1 MiB, with `program` before the host's programs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{program}:{os.environ['PATH']}")
        watch = DiskWatch(home, disk_mib=1, uid=None)
        watch._measure()
    verdict = ""
    deadline = time.monotonic() + 20
    while watch._du is not None and time.monotonic() < deadline:
        verdict = watch.excess()
    return verdict


def _number(path: Path) -> int:
    return int(path.read_text())


def _within_s(seconds: float, act: Callable[[], object]) -> bool:
    started = time.monotonic()
    act()
    return time.monotonic() - started < seconds
