"""The local driver: the contract, and what it promises beyond it about crashes, homes and deaths."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from infra import desks
from instances.providers.base import Power, Provider, Unreachable
from instances.providers.local.gatehouse import ROOT
from instances.providers.local.hearing import Hearing, leave_word
from instances.providers.local.provider import LocalProvider
from instances.providers.local.rundir import RunDirectory
from instances.providers.local.together import end_all, rest_all
from tests.contracts.provider import FreezingContract, until
from tests.instances.providers.rig import SPEC, STAND_IN, Rig, processes

pytestmark = pytest.mark.machine

CREATE = """
    import os, signal, sys
    from pathlib import Path
    from instances.providers.base import Spec
    from instances.providers.local.provider import LocalProvider
    from instances.providers.local.rundir import RunDirectory
    root = Path(sys.argv[1])
    provider = LocalProvider(root / "machines", root / "gateway", root / "site", root / "templates",
                             guest_argv=("/bin/bash", "-c", sys.argv[3]))
    def die(*arguments): os.kill(os.getpid(), signal.SIGKILL)
    match sys.argv[2]:
        case "before the spec": RunDirectory.write_spec = die
        case "before the keeper": LocalProvider._spawn_keeper = die
        case "after the keeper": LocalProvider._handle = die
    provider.create(Spec("ubuntu", memory_mib=512, disk_mib=512), token="one-1")
"""


class TestLocalProvider(FreezingContract):
    @pytest.fixture
    def provider(self, rig: Rig) -> Provider:
        return rig.provider()


def creating(rig: Rig, crash: str = "") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", textwrap.dedent(CREATE), str(rig.root), crash, STAND_IN]
    return subprocess.Popen(command, cwd=ROOT)


@pytest.mark.parametrize("crash", ["before the spec", "before the keeper", "after the keeper"])
def test_a_create_that_was_killed_in_its_middle_makes_one_machine(rig: Rig, crash: str) -> None:
    assert creating(rig, crash).wait() == -signal.SIGKILL
    assert [token for token, _ in rig.provider().list_ours()] == ["one-1"]
    machine = rig.up()
    assert machine.run("echo alive") == "alive\n"
    assert len(processes("local.keeper", str(rig.machines))) == 1


def test_machines_destroyed_at_every_moment_of_their_boot_leave_no_cgroup(rig: Rig) -> None:
    provider = rig.provider()
    for delay_ms in range(0, 100, 5):
        token = f"brief-{delay_ms}"
        handle = provider.create(SPEC, token=token)
        over = time.monotonic() + delay_ms / 1000
        until(lambda over=over: time.monotonic() >= over)
        provider.destroy(handle)
    assert [path for path in Path("/sys/fs/cgroup").rglob("machine-brief-*") if path.is_dir()] == []


@pytest.mark.parametrize("crash", ["before the spec", "before the keeper", "after the keeper"])
def test_a_half_made_machine_can_be_destroyed(rig: Rig, crash: str) -> None:
    creating(rig, crash).wait()
    provider = rig.provider()
    (_, handle), *_ = provider.list_ours()
    provider.destroy(handle)
    assert provider.inspect(handle).power is Power.GONE
    assert not list(provider.list_ours())
    until(lambda: not processes("local.keeper", str(rig.machines)))


def test_creates_in_several_processes_make_one_machine(rig: Rig) -> None:
    racers = [creating(rig) for _ in range(4)]
    assert [racer.wait() for racer in racers] == [0] * 4
    rig.up()
    assert len(processes("local.keeper", str(rig.machines))) == 1


def test_a_machine_outlives_the_process_that_made_it(rig: Rig) -> None:
    assert creating(rig).wait() == 0
    assert rig.up().run("echo alive") == "alive\n"


def test_a_machine_leaves_no_zombie_in_the_process_that_made_it(rig: Rig) -> None:
    machine = rig.up()
    keeper = machine.directory.keeper_pid()
    assert Path(f"/proc/{keeper}/stat").read_text().rpartition(")")[2].split()[1] != str(os.getpid())


def test_a_machine_whose_keeper_is_killed_is_gone_with_all_its_processes(rig: Rig) -> None:
    machine = rig.up()
    machine.run("true")
    status = machine.directory.status()
    assert status is not None
    os.kill(machine.directory.keeper_pid(), signal.SIGKILL)
    assert machine.awaits(Power.GONE) == "The machine was cut off by its host."
    until(lambda: not _runs(status["sandbox_pid"]))
    assert machine.directory.path.exists()
    machine.provider.destroy(machine.handle)
    assert not machine.directory.path.exists()
    assert not any(Path(path).exists() for path in status["cgroups"])


def test_a_machine_whose_keeper_is_killed_while_it_boots_is_ended_by_its_destruction(rig: Rig) -> None:
    """Bubblewrap asks to die with its parent late in its start; before that, it outlives a killed keeper."""
    machine = rig.up()
    status = machine.directory.status()
    assert status is not None
    os.kill(machine.directory.keeper_pid(), signal.SIGKILL)
    machine.awaits(Power.GONE)
    machine.provider.destroy(machine.handle)
    assert not _runs(status["sandbox_pid"])


def test_a_machine_at_rest_is_at_rest_though_its_keeper_was_killed(rig: Rig) -> None:
    machine = rig.up()
    machine.run("echo kept >~/file")
    before = machine.directory.status()
    assert before is not None
    machine.directory.order_rest()
    os.kill(machine.directory.keeper_pid(), signal.SIGKILL)
    machine.awaits(Power.RESTING)
    machine.provider.start(machine.handle)
    machine.awaits(Power.UP)
    assert machine.run("cat ~/file") == "kept\n"
    assert not any(Path(path).exists() for path in before["cgroups"])


def test_a_machine_whose_start_was_cut_off_rests_with_its_home(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is killed before it has a keeper, and nobody wants it started any more."""
    machine = rig.up()
    machine.run("echo kept >~/file")
    machine.provider.stop(machine.handle)
    machine.awaits(Power.RESTING)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(LocalProvider, "_spawn_keeper", killed)
        machine.provider.start(machine.handle)
    assert machine.provider.inspect(machine.handle).power is Power.RESTING
    machine.provider.start(machine.handle)
    machine.awaits(Power.UP)
    assert machine.run("cat ~/file") == "kept\n"


def test_a_home_survives_stop_and_start(rig: Rig) -> None:
    machine = rig.up()
    machine.run("echo kept >~/file")
    machine.provider.stop(machine.handle)
    machine.awaits(Power.RESTING)
    assert not processes("local.keeper", str(machine.directory.path))
    machine.provider.start(machine.handle)
    machine.awaits(Power.UP)
    assert machine.run("cat ~/file; ls /tmp") == "kept\n"


def test_a_stopped_machine_may_save_what_it_holds(rig: Rig) -> None:
    machine = rig.up(
        provider=rig.provider("trap 'echo saved >~/file; exit' TERM; >~/ready; while :; do sleep 0.02; done")
    )
    until((machine.directory.home / "ready").exists)
    machine.provider.stop(machine.handle)
    machine.awaits(Power.RESTING)
    assert (machine.directory.home / "file").read_text() == "saved\n"


def test_a_start_while_it_shuts_down_is_to_be_asked_again(rig: Rig) -> None:
    machine = rig.up(provider=rig.provider("trap '' TERM; >~/ready; while :; do sleep 0.02; done"))
    until((machine.directory.home / "ready").exists)
    machine.provider.stop(machine.handle)
    with pytest.raises(Unreachable):
        machine.provider.start(machine.handle)
    machine.awaits(Power.RESTING)


def test_a_program_that_ends_is_a_machine_that_is_gone_with_its_last_words(rig: Rig) -> None:
    machine = rig.up()
    machine.ask("echo 'no screen found' >&3; kill -9 $PPID")
    assert "no screen found" in machine.awaits(Power.GONE)
    machine.provider.create(SPEC, token="one-1")
    assert machine.provider.inspect(machine.handle).power is Power.GONE


def test_a_sandbox_that_cannot_be_made_tells_no_path_of_the_host(rig: Rig) -> None:
    provider = rig.provider()
    (rig.root / "site").rmdir()
    handle = provider.create(SPEC, token="one-1")
    until(lambda: provider.inspect(handle).power is Power.GONE)
    reason = provider.inspect(handle).reason
    assert "bwrap: " in reason
    assert str(rig.root) not in reason


def test_a_home_begins_as_its_template(rig: Rig) -> None:
    template = rig.root / "templates" / "ubuntu" / "home"
    template.mkdir(parents=True)
    (template / "file").write_text("from the template")
    (template / "link").symlink_to("/usr/bin/python3")
    seen = rig.up().run('cat ~/file; echo; readlink ~/link; echo mine >~/file; stat -c "%U" ~ ~/file ~/link')
    assert seen.splitlines() == ["from the template", "/usr/bin/python3", "user", "user", "user"]
    assert (template / "file").read_text() == "from the template"


def test_all_machines_rest_together_and_end_together(rig: Rig) -> None:
    machines = [rig.up(f"many-{number}") for number in range(3)]
    provider = rig.provider()
    assert rest_all(provider) == []
    assert [provider.inspect(machine.handle).power for machine in machines] == [Power.RESTING] * 3
    assert end_all(provider) == []
    assert list(provider.list_ours()) == []


def test_two_machines_never_share_a_user(rig: Rig) -> None:
    if os.geteuid():
        pytest.skip("only root can give machines users of their own")
    specs = [rig.up(f"many-{number}").directory.spec() for number in range(3)]
    assert len({spec["uid"] for spec in specs if spec}) == 3


def test_every_flavour_is_said_to_be_possible_or_why_not(rig: Rig) -> None:
    provider = rig.provider()
    assert set(provider.capabilities()) == {"ubuntu", "browser", "windows"}
    rig.root.chmod(0o700)
    if os.geteuid() == 0:
        assert all("only its owner may enter" in reason for reason in provider.capabilities().values())


def test_a_keeper_imports_neither_django_nor_asyncio() -> None:
    listing = "import instances.providers.local.keeper, sys; print(*sys.modules)"
    command = [sys.executable, "-S", "-P", "-c", listing]
    loaded = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, cwd="/", capture_output=True, text=True, check=True)
    heavy = {"django", "asyncio", "msgspec", "dataclasses", "hashlib", "shutil", "inspect"}
    assert not heavy & set(loaded.stdout.split())


def test_the_warm_profile_lies_where_the_guest_looks_for_it() -> None:
    guest_programs = (ROOT / "guest" / "programs.py").read_text()
    folder = Path(desks.BROWSER_PROFILE)
    assert f'"{folder.parent}" / "{folder.name}"' in guest_programs


def test_a_provider_is_made_without_touching_the_disk(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    provider = LocalProvider(nowhere, nowhere, nowhere, nowhere)
    assert list(provider.list_ours()) == []
    assert not nowhere.exists()


def _runs(pid: int) -> bool:
    """Whether the process is there and no zombie that waits for the host's init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_machine_that_nobody_looks_at_rests_and_can_be_started_again(rig: Rig) -> None:
    provider = rig.provider(alone_hours=0.5 / 3600)
    handle = provider.create(SPEC, token="alone-1")
    directory = RunDirectory(rig.machines / "alone-1")
    until(lambda: (directory.status() or {}).get("power") == "resting")
    until(lambda: provider.inspect(handle).power is Power.RESTING)
    assert provider.inspect(handle).reason.startswith("Nobody looked after the machine for 0.0")
    patient = rig.provider()
    patient.start(handle)
    until(lambda: patient.inspect(handle).power is Power.UP)


def test_looks_keep_a_machine_up_and_a_host_asleep_is_not_a_lost_hub(tmp_path: Path) -> None:
    heard, awake_s = tmp_path / "heard", [0.0]
    hearing = Hearing(heard, 100.0, clock=lambda: awake_s[0])
    os.utime(heard, (1.0, 1.0))  # days ago by the calendar, just now by the host's own waking hours
    awake_s[0] = 90.0
    assert not hearing.is_lost()
    awake_s[0] = 180.0
    leave_word(heard)
    assert not hearing.is_lost()
    awake_s[0] = 281.0
    assert hearing.is_lost()
    assert not Hearing(heard, 0.0, clock=lambda: awake_s[0]).is_lost()
