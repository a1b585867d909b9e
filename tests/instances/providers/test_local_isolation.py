"""What a machine sees of its host, asked from inside: its programs, and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path

import pytest

from instances.providers.base import Power
from instances.providers.local.gatehouse import ROOT
from tests.instances.providers.rig import SPEC, Rig, processes

pytestmark = pytest.mark.machine


def test_a_machine_sees_no_files_of_the_host(rig: Rig) -> None:
    (rig.root / "secret").write_text("treasure")
    machine = rig.up()
    assert set(machine.run("ls -A /").split()) == {
        *("bin", "dev", "etc", "home", "lib", "lib64", "opt", "proc", "run", "sbin", "tmp", "usr", "var")
    }
    assert set(machine.run("find /var -mindepth 1 -maxdepth 2").split()) == {"/var/cache", "/var/cache/fontconfig"}
    hidden = (rig.root, ROOT, "/root", "/var/lib", "/sys", "/boot", "/etc/shadow", "/etc/passwd-")
    seen = machine.run(f"cat {rig.root}/secret; ls -d {' '.join(map(str, hidden))}")
    assert seen.count("No such file or directory") == 1 + len(hidden)
    assert len(machine.run("cat /etc/passwd").splitlines()) == 2


def test_a_machine_can_write_to_its_home_and_to_memory_only(rig: Rig) -> None:
    closed = "/ /etc /usr /opt /opt/guest /run /run/keeper /run/gateway /dev /proc /var/cache/fontconfig"
    script = f"for at in {closed}; do touch $at/x; done; :"
    machine = rig.up()
    assert machine.run(script).count("touch: cannot touch") == 11
    assert machine.run("for at in ~ /tmp /run/guest /run/user/1000 /dev/shm; do touch $at/x; done") == ""


def test_a_machine_sees_its_own_processes_only(rig: Rig) -> None:
    seen = rig.up().run("ls /proc | grep -c '^[0-9]*$'; cat /proc/[0-9]*/comm | sort -u | tr '\\n' ' '")
    count, names = seen.splitlines()
    assert int(count) < 10
    assert set(names.split()) <= {"bwrap", "bash", "sh", "cat", "sort", "tr", "ls", "grep"}


def test_a_machine_has_the_loopback_interface_only(rig: Rig) -> None:
    interfaces = rig.up().run("tail -n +3 /proc/net/dev | cut -d: -f1").split()
    assert interfaces == ["lo"]


def test_a_machine_has_no_capabilities_and_can_gain_none(rig: Rig) -> None:
    status = dict(line.split(":\t", 1) for line in rig.up().run("cat /proc/self/status").splitlines() if ":\t" in line)
    assert {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Uid"].split()[0] == "1000"


def test_a_machine_runs_as_no_user_of_the_host(rig: Rig) -> None:
    if os.geteuid():
        pytest.skip("only root can give machines users of their own")
    status = rig.up().directory.status()
    assert status is not None
    uid = int(Path(f"/proc/{status['sandbox_pid']}/status").read_text().split("Uid:")[1].split()[0])
    assert uid >= 1_900_000_000


def test_a_machine_does_not_reach_the_hosts_loopback(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        seen = rig.up().run(f"exec 4<>/dev/tcp/127.0.0.1/{port} && echo reached")
    assert "Connection refused" in seen


def test_a_machine_does_not_reach_the_hosts_abstract_sockets(rig: Rig) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(b"\0desk-test-of-the-host")
        server.listen()
        program = "import socket; socket.socket(socket.AF_UNIX).connect(b'\\0desk-test-of-the-host')"
        assert "ConnectionRefusedError" in rig.up().run(f'python3 -c "{program}"')


def test_a_machine_holds_no_descriptor_of_the_host(rig: Rig) -> None:
    assert rig.up().run("readlink /proc/2/fd/* | grep -v -e '^pipe:' -e '^/dev/null$' -e '^/home/user/'") == ""


def test_machines_do_not_see_each_other(rig: Rig) -> None:
    provider = rig.provider()
    other = rig.up("other-1", provider=provider)
    other.run("echo private >~/file")
    seen = rig.up("one-1", provider=provider).run(
        f"cat {other.directory.home}/file; ls {rig.machines}; ls -A ~; cat /proc/self/mountinfo"
    )
    assert "private" not in seen
    assert "other-1" not in seen.replace(f"{other.directory.home}/file': No such", "").replace(
        f"{other.directory.home}/file: No such", ""
    )


def test_the_guests_token_is_in_no_command_line_and_no_environment(rig: Rig) -> None:
    machine = rig.up()
    told = json.loads(machine.run("cat /run/guest.json"))
    assert told["token"] == SPEC.guest_token
    assert told["incarnation"] == "one-1"
    assert machine.run("stat -c %a /run/guest.json") == "400\n"
    assert processes(SPEC.guest_token) == []
    assert SPEC.guest_token not in machine.run("cat /proc/[0-9]*/environ")
    assert (machine.directory.path / "spec.json").stat().st_mode & 0o777 == 0o600
    assert SPEC.guest_token not in machine.log()


def test_the_keepers_environment_holds_none_of_the_workers_secrets(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret-of-the-worker")
    machine = rig.up()
    environments = []
    for pid in processes("instances.providers.local.", ""):
        with contextlib.suppress(PermissionError):  # somebody else's, on a host that we share
            environments.append(Path(f"/proc/{pid}/environ").read_bytes())
    assert environments and all(b"secret-of-the-worker" not in environment for environment in environments)
    assert "secret-of-the-worker" not in machine.run("env")


def test_host_paths_are_in_no_command_line_that_a_machine_sees(rig: Rig) -> None:
    assert str(rig.root) not in rig.up().run("cat /proc/[0-9]*/cmdline")


def test_destroying_removes_nothing_that_a_planted_link_points_at(rig: Rig) -> None:
    treasure = rig.root / "treasure"
    treasure.mkdir()
    (treasure / "file").write_text("kept")
    machine = rig.up()
    machine.run(f"ln -s {treasure} ~/link; ln -s {treasure}/file ~/file; rm -rf ~/.config; ln -s / ~/.config; ls ~")
    machine.provider.destroy(machine.handle)
    assert machine.provider.inspect(machine.handle).power is Power.GONE
    assert not machine.directory.path.exists()
    assert (treasure / "file").read_text() == "kept"


def test_a_home_as_deep_as_can_be_is_destroyed(rig: Rig) -> None:
    machine = rig.up()
    dig = "import os\nfor _ in range(3000): os.mkdir('d'); os.chdir('d')"
    assert machine.run(f'python3 -c "{dig}"; chmod 0 ~/d; echo done') == "done\n"
    machine.provider.destroy(machine.handle)
    assert [path.name for path in rig.machines.iterdir() if not path.name.startswith((".uids", ".guest"))] == []
