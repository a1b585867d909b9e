"""A local provider in a folder of its own, and machines whose program does what a test says, in place of the guest."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from instances.providers.base import Handle, Power, Spec
from instances.providers.local.provider import LocalProvider
from instances.providers.local.rundir import RunDirectory
from instances.providers.local.together import end_all
from tests.contracts.provider import until

SPEC = Spec("ubuntu", memory_mib=512, disk_mib=512, guest_token="secret-of-the-guest")
# Runs each script that appears in its home, one after the other; a script's descriptor 3 is the program's own output.
STAND_IN = """
exec 3>&2
while :; do
  for script in "$HOME"/ask-*.sh; do
    [ -e "$script" ] || continue
    name=${script##*/ask-}
    bash "$script" >"$HOME/answer-$name.new" 2>&1
    rm "$script"
    mv "$HOME/answer-$name.new" "$HOME/answer-$name"
  done
  sleep 0.02
done
"""


class Rig:
    """`machines` lies where machines' users can get to; pytest's own folders are closed to them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.machines = root / "machines"
        for name in ("gateway", "site", "templates"):
            (root / name).mkdir()

    def provider(
        self, program: str = STAND_IN, *, egress_allow: tuple[str, ...] = (), alone_hours: float = 24
    ) -> LocalProvider:
        return LocalProvider(
            machines_dir=self.machines,
            gateway_dir=self.root / "gateway",
            guest_site_dir=self.root / "site",
            templates_dir=self.root / "templates",
            egress_allow=egress_allow,
            alone_hours=alone_hours,
            guest_argv=("/bin/bash", "-c", program),
        )

    def up(self, token: str = "one-1", *, provider: LocalProvider | None = None, **changes: int) -> Machine:
        """A machine that is up."""
        provider = provider or self.provider()
        machine = Machine(self, provider, provider.create(replace(SPEC, **changes), token=token))
        machine.awaits(Power.UP)
        return machine


class Machine:
    """A machine, seen from outside and, by `run`, from inside."""

    def __init__(self, rig: Rig, provider: LocalProvider, handle: Handle) -> None:
        self.provider = provider
        self.handle = handle
        self.directory = RunDirectory(rig.machines / handle.data["token"])
        self._asked = 0

    def awaits(self, power: Power) -> str:
        """Wait for `power`; the reason that is given with it."""
        until(lambda: self.provider.inspect(self.handle).power is power, what=f"{power} of {self.log()}")
        return self.provider.inspect(self.handle).reason

    def ask(self, script: str) -> Path:
        """Have the machine run a bash script; where its output will be when it has ended."""
        self._asked += 1
        until(self.directory.home.exists)
        draft = self.directory.home / "ask.new"
        draft.write_text(script)
        draft.chmod(0o644)
        draft.rename(draft.with_name(f"ask-{self._asked}.sh"))
        return self.directory.home / f"answer-{self._asked}.sh"

    def run(self, script: str, *, within_s: float = 20.0) -> str:
        """What the script printed, on both its outputs."""
        answer = self.ask(script)
        until(answer.exists, within_s=within_s, what=f"the answer to {script!r}")
        return answer.read_text()

    def egress(self) -> list[int]:
        """The machine's proxy, a child of its keeper; none where it has not been needed yet."""
        keeper = self.directory.keeper_pid()
        children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
        return [int(child) for child in children if int(child) in processes("local.egress")]

    def log(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return self.directory.log.read_text()
        return ""


@contextlib.contextmanager
def rig() -> Iterator[Rig]:
    """A rig whose machines are ended and whose folder is removed."""
    root = Path(tempfile.mkdtemp(prefix="desks-", dir="/tmp"))
    root.chmod(0o711)
    one = Rig(root)
    try:
        yield one
    finally:
        left = end_all(one.provider())
        shutil.rmtree(root, ignore_errors=True)
        assert not left, f"machines that did not end: {left}"


def processes(*words: str) -> list[int]:
    """Processes of this host whose command line holds all of `words`."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().decode(errors="replace") if folder.name.isdigit() else ""
            if line and all(word in line for word in words):
                found.append(int(folder.name))
    return found
