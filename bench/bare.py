"""The floor of a start: a desktop's bare programs in the sandbox that machines have, with no platform around them."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from guest import programs
from guest.config import Config
from guest.environment import base
from infra.embedded.paths import default_cache
from instances.flavours import FLAVOURS
from instances.providers.local import limits
from instances.providers.local.output import Output
from instances.providers.local.process import Sandbox, prepare_home
from instances.providers.local.rundir import MachineSpec, RunDirectory
from instances.providers.local.sandbox import HOME

_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.001
_USER = 1_900_000_001
_READY = "bare-ready"

# Descriptor 9 never has anything to read: waiting on it is a sleep that starts no process.
_SCRIPT = """
exec 9<> <(:)
exec 3< <(exec {x_server} 2>/dev/null)
read -r number <&3
export DISPLAY=:$number
{window_manager} &
until [ -e {wm_ready} ]; do read -rt 0.002 <&9; done
{shown}
touch {ready}
wait
"""
_BROWSER = """
{program} >/dev/null 2>&1 &
until exec 4<>/dev/tcp/127.0.0.1/{port}; do read -rt 0.004 <&9; done 2>/dev/null
printf 'GET /json/version HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n' >&4
read -r answer <&4
"""
_WINDOWS = """
{program} >/dev/null 2>&1 &
xdotool search --sync --onlyvisible --name Notepad >/dev/null
"""


FLOORS = {
    "ubuntu": "Xtigervnc and openbox in the sandbox, until openbox manages windows",
    "browser": "the same and Chromium, until CDP answers",
    "windows": "the same and Wine's desktop, until Notepad's window is there",
}
"""What is started, and when the clock stops."""


def start_bare(flavour: str) -> float:
    """Milliseconds from the sandbox's spawn until the bare desktop is ready. Copying its home is not counted."""
    with _room(flavour) as (run, spec):
        cgroups, output = limits.Cgroups.plan(f"bench-{os.getpid()}"), Output()
        cgroups.make(memory_mib=spec["memory_mib"])
        prepare_home(run, spec)
        begun = time.perf_counter()
        sandbox = Sandbox.start(run, spec, cgroups, output)
        try:
            _await(run.home / _READY, sandbox, output)
            return (time.perf_counter() - begun) * 1000
        finally:
            sandbox.end()
            limits.end(cgroups.paths, within_s=5)
            os.close(output.reader)


def _await(ready: Path, sandbox: Sandbox, output: Output) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while not ready.exists():
        if not sandbox.runs() or time.monotonic() > deadline:
            raise RuntimeError(f"the bare desktop did not rise: {output.last_words() or 'no reason is known'}")
        time.sleep(_LOOK_EVERY_S)


@contextlib.contextmanager
def _room(flavour: str) -> Iterator[tuple[RunDirectory, MachineSpec]]:
    """A run directory as the local provider has it; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="orchestrator-bench-"))
    folder.chmod(0o755)
    try:
        for name in ("machine", "guest", "site", "gateway"):
            (folder / name).mkdir(mode=0o755)
        yield RunDirectory(folder / "machine"), _spec(flavour, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _spec(flavour: str, folder: Path) -> MachineSpec:
    template = default_cache() / "templates" / flavour / "home"
    return {
        "token": "bench",
        "deployment": "bench",
        "flavour": flavour,
        "width": 1280,
        "height": 800,
        "memory_mib": FLAVOURS[flavour].memory_mib,
        "disk_mib": 2048,
        "guest_token": "",
        "machine_id": "0" * 31 + "2",
        "uid": _USER if os.geteuid() == 0 else None,
        "host": {
            "guest_dir": str(folder / "guest"),
            "guest_site_dir": str(folder / "site"),
            "gateway_dir": str(folder / "gateway"),
            "template": str(template) if template.is_dir() else "",
            "argv": ["/bin/bash", "-c", _script(flavour)],
            "egress_allow": [],
        },
    }


def _script(flavour: str) -> str:
    config = Config("bench", "", flavour, 1280, 800, gateway="", home=HOME, private_dir=HOME)
    variables = base(config)
    del variables["DISPLAY"]
    program = shlex.join(programs.shown(config))
    shown = {"browser": _BROWSER, "windows": _WINDOWS}.get(flavour, "")
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return exports + _SCRIPT.format(
        x_server=shlex.join(programs.x_server(config, ready_descriptor=1)),
        window_manager=shlex.join(programs.window_manager(config)),
        wm_ready=shlex.quote(str(programs.wm_ready(config))),
        shown=shown.format(program=program, port=config.cdp_port),
        ready=f"{HOME}/{_READY}",
    )
