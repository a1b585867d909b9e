"""The sandbox as bubblewrap is told it: what a machine sees of the host, which is its programs and nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

from instances.providers.local.rundir import MachineSpec, RunDirectory

BWRAP = "/usr/bin/bwrap"
UID = 1000
HOME = "/home/user"
RUNTIME = f"/run/user/{UID}"
# Without `site`: the .pth files it reads belong to the host's other programs, and would run in every guest.
GUEST_ARGV = ["/usr/bin/python3", "-S", "-P", "-m", "guest"]
_ETC = (
    *("alternatives", "chromium", "chromium.d", "fonts", "ld.so.cache", "localtime", "mime.types", "nsswitch.conf"),
    *("ssl", "ca-certificates", "terminfo", "X11", "xdg"),
)
# Else the first program that shows text reads every font of the host anew: some 300 ms of each machine's start.
_FONTS = ("--ro-bind-try", "/var/cache/fontconfig", "/var/cache/fontconfig")
_MIB = 1024 * 1024


class Files:
    """Small files that exist in the sandbox only: their bytes go in through memory, never through argv or the disk."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []

    def add(self, content: str) -> str:
        """A descriptor to read `content` from, as bubblewrap takes it."""
        descriptor = os.memfd_create("file")
        os.write(descriptor, content.encode())
        os.lseek(descriptor, 0, os.SEEK_SET)
        self.descriptors.append(descriptor)
        return str(descriptor)

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors.clear()


def command(spec: MachineSpec, run: RunDirectory, files: Files, *, info: int) -> list[str]:
    """The command that runs the machine. Host paths and secrets go through descriptors, so nobody reads them in /proc.

    `info` is where bubblewrap writes the pid of the sandbox's first process.
    """
    arguments = [
        *_namespaces(),
        *("--info-fd", str(info)),
        *_environment(),
        *_system(),
        *_etc(spec["machine_id"], files),
        *_memory(spec["memory_mib"]),
        *_guest(spec, run, files),
        *("--remount-ro", "/", "--chdir", HOME),
    ]
    words = files.add("".join(f"{argument}\0" for argument in arguments))
    return [BWRAP, "--args", words, "--", *spec["host"]["argv"]]


def workshop(home: Path, files: Files) -> list[str]:
    """A sandbox like a machine's, without guest and gateway: where templates of homes are made. A command follows."""
    arguments = [
        *_namespaces(),
        *_environment(),
        *_system(),
        *_etc("0" * 31 + "1", files),
        *_memory(2048),
        *("--bind", str(home), HOME, "--remount-ro", "/", "--chdir", HOME),
    ]
    return [BWRAP, *arguments, "--"]


def _namespaces() -> list[str]:
    # Not --disable-userns: Chromium makes a user namespace for its own sandbox.
    kinds = ("user", "pid", "ipc", "uts", "net", "cgroup-try")
    ids = ["--uid", str(UID), "--gid", str(UID), "--hostname", "desk"]
    return [*(f"--unshare-{kind}" for kind in kinds), *ids, "--die-with-parent", "--new-session", "--clearenv"]


def _environment() -> list[str]:
    variables = {
        "HOME": HOME,
        "LANG": "C.UTF-8",
        "LOGNAME": "user",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": "/opt:/opt/guest-site",
        "SHELL": "/bin/bash",
        "USER": "user",
        "XDG_RUNTIME_DIR": RUNTIME,
    }
    return [word for name, value in variables.items() for word in ("--setenv", name, value)]


def _system() -> list[str]:
    links = [word for name in ("bin", "sbin", "lib", "lib64") for word in ("--symlink", f"usr/{name}", f"/{name}")]
    etc = [word for name in _ETC for word in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")]
    return ["--ro-bind", "/usr", "/usr", *links, *etc, *_FONTS, "--proc", "/proc", "--dev", "/dev"]


def _etc(machine_id: str, files: Files) -> list[str]:
    contents = {
        "passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\nuser:x:{UID}:{UID}:User:{HOME}:/bin/bash\n",
        "group": f"root:x:0:\nuser:x:{UID}:\n",
        "hosts": "127.0.0.1 localhost desk\n::1 localhost\n",
        "resolv.conf": "# Names are resolved by the egress proxy, outside.\n",
        "machine-id": machine_id + "\n",
    }
    pairs = [("--perms", "0644", "--ro-bind-data", files.add(text), f"/etc/{name}") for name, text in contents.items()]
    return [word for pair in pairs for word in pair]


def _memory(memory_mib: int) -> list[str]:
    """Folders in memory. They count towards the machine's memory; the sizes keep one of them from taking all of it."""
    size = str(memory_mib * _MIB // 2)
    small = str(64 * _MIB)
    return [
        *("--size", size, "--perms", "1777", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"),
        *("--size", size, "--perms", "1777", "--tmpfs", "/tmp", "--perms", "1777", "--dir", "/tmp/.X11-unix"),
        *("--perms", "0700", "--size", small, "--tmpfs", RUNTIME),
        *("--perms", "0700", "--size", small, "--tmpfs", "/run/guest"),
    ]


def _guest(spec: MachineSpec, run: RunDirectory, files: Files) -> list[str]:
    return [
        *("--setenv", "GUEST_SCREEN", f"{spec['width']}x{spec['height']}"),
        *("--ro-bind", spec["host"]["guest_dir"], "/opt/guest"),
        *("--ro-bind", spec["host"]["guest_site_dir"], "/opt/guest-site"),
        *("--ro-bind", spec["host"]["gateway_dir"], "/run/gateway"),
        *("--ro-bind", str(run.sockets), "/run/keeper"),
        *("--bind", str(run.home), HOME),
        *("--perms", "0400", "--ro-bind-data", files.add(_guest_configuration(spec)), "/run/guest.json"),
    ]


def _guest_configuration(spec: MachineSpec) -> str:
    return json.dumps(
        {
            "incarnation": spec["token"],
            "token": spec["guest_token"],
            "flavour": spec["flavour"],
            "width": spec["width"],
            "height": spec["height"],
            "gateway": "unix:/run/gateway/guest.sock",
            "egress": "unix:/run/keeper/egress.sock",
        }
    )
