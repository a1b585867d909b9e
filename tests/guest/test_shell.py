"""Commands: both streams apart, ended with all they started at the timeout, never a zombie."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from guest.environment import InstanceEnvironment
from guest.shell import MAX_STREAM_BYTES, Shell
from tests.guest.desk import TOKEN, config_for, eventually


@pytest.fixture
def environment(tmp_path: Path) -> InstanceEnvironment:
    return InstanceEnvironment(config_for(tmp_path))


@pytest.fixture
def shell(tmp_path: Path, environment: InstanceEnvironment) -> Shell:
    return Shell(config_for(tmp_path), ":9", environment)


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_streams_and_exit_code_are_told_apart(shell: Shell) -> None:
    done = await shell.run("echo out; echo err >&2; exit 7", 10)
    assert (done.stdout, done.stderr, done.exit_code, done.timed_out) == ("out\n", "err\n", 7, False)


async def test_a_command_starts_at_home_with_nothing_to_read(shell: Shell, tmp_path: Path) -> None:
    assert (await shell.run("pwd; cat", 10)).stdout == f"{tmp_path}/home\n"


async def test_a_timeout_ends_the_command_and_all_it_started(shell: Shell, tmp_path: Path) -> None:
    done = await shell.run("echo begun; sleep 300 & echo $! > inner; sleep 300", 0.5)
    assert (done.stdout, done.exit_code, done.timed_out) == ("begun\n", None, True)
    inner = int((tmp_path / "home" / "inner").read_text())
    await eventually(lambda: not runs(inner), what="the inner sleep has ended")


async def test_what_runs_in_the_background_is_not_waited_for(shell: Shell, tmp_path: Path) -> None:
    done = await shell.run("sleep 300 & echo $! > inner; echo done", 20)
    assert (done.stdout, done.exit_code, done.timed_out) == ("done\n", 0, False)
    inner = int((tmp_path / "home" / "inner").read_text())
    assert runs(inner)
    os.kill(inner, 9)


async def test_what_runs_in_the_background_may_go_on_talking(shell: Shell, tmp_path: Path) -> None:
    """A program whose output nobody takes any more would be ended by its next word."""
    done = await shell.run("(while [ ! -e stop ]; do sleep 0.02; echo word; echo word >&2; done; echo > ended) &", 20)
    assert (done.stdout, done.exit_code) == ("", 0)
    held = open_descriptors()
    (tmp_path / "home" / "stop").touch()
    await eventually((tmp_path / "home" / "ended").exists, what="the background's last word")
    await eventually(lambda: open_descriptors() == held - 2, what="both streams are let go")


async def test_a_background_that_floods_waits_and_holds_nobody_up(shell: Shell, tmp_path: Path) -> None:
    await shell.run("yes & echo $! > inner", 20)
    assert (await shell.run("echo well", 20)).stdout == "well\n"
    inner = int((tmp_path / "home" / "inner").read_text())
    assert runs(inner)
    os.kill(inner, 9)


async def test_so_many_streams_of_the_background_are_held_and_no_more(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guest.shell._HELD_AT_MOST", 4)
    before = open_descriptors()
    for _ in range(4):
        await shell.run("sleep 300 & echo $! >> inner", 20)
    assert open_descriptors() <= before + 4
    for inner in (tmp_path / "home" / "inner").read_text().split():
        os.kill(int(inner), 9)


async def test_a_flood_is_cut_and_does_not_hold_the_command_up(shell: Shell) -> None:
    done = await shell.run(f"head -c {MAX_STREAM_BYTES * 3} /dev/zero | tr '\\0' x; echo small >&2", 30)
    assert (len(done.stdout), done.stderr, done.exit_code) == (MAX_STREAM_BYTES, "small\n", 0)
    assert done.truncated


async def test_exactly_what_fits_is_not_called_cut(shell: Shell) -> None:
    done = await shell.run(f"head -c {MAX_STREAM_BYTES} /dev/zero | tr '\\0' x", 30)
    assert len(done.stdout) == MAX_STREAM_BYTES
    assert not done.truncated


async def test_a_cut_in_the_middle_of_a_character_drops_that_character(shell: Shell) -> None:
    done = await shell.run("printf x; for i in {1..9000}; do printf '%0.sé' {1..60}; done", 60)
    assert done.truncated
    assert done.stdout == "x" + "é" * ((MAX_STREAM_BYTES - 1) // 2)


async def test_bytes_that_are_no_text_are_still_an_answer(shell: Shell) -> None:
    assert (await shell.run(r"printf 'a\xff\xfeb'", 10)).stdout == "a\ufffd\ufffdb"


async def test_a_signal_counts_as_in_a_shell(shell: Shell) -> None:
    assert (await shell.run("kill -9 $$", 10)).exit_code == 137


async def test_no_command_leaves_a_zombie(shell: Shell) -> None:
    before = children()
    await asyncio.gather(*(shell.run("true", 10) for _ in range(20)), shell.run("sleep 60", 0.2))
    assert children() <= before


async def test_a_command_whose_wait_is_cancelled_is_ended(shell: Shell, tmp_path: Path) -> None:
    before = children()
    running = asyncio.create_task(shell.run("echo $$ > inner; sleep 300", 300))
    await eventually(lambda: (tmp_path / "home" / "inner").exists())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert children() <= before


async def test_descriptors_are_not_used_up(shell: Shell) -> None:
    await shell.run("true", 10)
    before = open_descriptors()
    for _ in range(10):
        await shell.run("echo x; sleep 0.01 &", 10)
    await eventually(lambda: open_descriptors() <= before, what="all are closed")
    assert open_descriptors() <= before


async def test_a_nul_in_a_command_is_refused(shell: Shell) -> None:
    with pytest.raises(ValueError, match="null"):
        await shell.run("echo \0", 10)


async def test_the_instances_variables_are_there_and_nothing_of_the_guests(
    shell: Shell, environment: InstanceEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUEST_SECRET", TOKEN)
    environment.change({"COLOUR": 'it\'s "blue"\nand $green'})
    done = await shell.run('printf %s "$COLOUR"', 10)
    assert done.stdout == 'it\'s "blue"\nand $green'
    everything = (await shell.run("env; echo $DISPLAY", 10)).stdout
    assert ":9" in everything
    assert TOKEN not in everything


def runs(number: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
