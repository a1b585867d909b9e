"""The environment of everything that runs inside the machine, and how the shells there learn of the instance's own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from guest.config import Config

PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RC = """\
# Written by the guest at each start: the instance's variables, in this shell and whenever they change.
__instance_environment() {{
    local mark
    IFS= read -r mark 2>/dev/null <{file} && [[ $mark != "${{__instance_mark-}}" ]] || return 0
    __instance_mark=$mark
    . {file}
}}
__instance_environment
if [[ $- == *i* ]]; then
    # Before each command, and not only before each prompt: the prompt may have been there before the variables.
    trap __instance_environment DEBUG
    PS1='\\[\\e[32m\\]\\u@\\h\\[\\e[0m\\]:\\[\\e[34m\\]\\w\\[\\e[0m\\]\\$ '
fi
"""


class BadEnvironment(ValueError):
    """A name that no shell takes, or a value with a NUL in it."""


def base(config: Config, display: str = "") -> dict[str, str]:
    """What every process inside finds. Made afresh, not inherited, so that nothing of the guest's own leaks."""
    variables = {
        "DISPLAY": display,
        "HOME": config.home,
        "LANG": "C.UTF-8",
        "LOGNAME": "user",
        "PATH": PATH,
        "SHELL": "/bin/bash",
        "USER": "user",
        "XDG_RUNTIME_DIR": config.private_dir,
        "XENVIRONMENT": f"{config.private_dir}/x-resources",
    }
    if config.egress:
        proxy = f"http://127.0.0.1:{config.relay_port}"
        variables |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy)
        variables |= dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1,::1")
    if config.flavour == "windows":
        variables |= {
            "WINEPREFIX": f"{config.home}/.wine",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree=;mshtml=",
        }
    return variables


def prepare_shells(config: Config) -> None:
    """Have every interactive bash read our few lines. Called twice, it changes nothing more."""
    rc, bashrc = Path(config.private_dir) / "bashrc", Path(config.home) / ".bashrc"
    _write_private(rc, _RC.format(file=shlex.quote(str(_variables_file(config)))))
    line = f"[ -r {shlex.quote(str(rc))} ] && . {shlex.quote(str(rc))}\n"
    there = bashrc.read_text(errors="surrogateescape") if bashrc.exists() else ""
    if line not in there:
        bashrc.write_text(line + there, errors="surrogateescape")


class InstanceEnvironment:
    """The variables that the hub has set on the instance: for each command, and for the terminals' shells."""

    def __init__(self, config: Config) -> None:
        self.variables: Mapping[str, str] = {}
        self._file = _variables_file(config)
        self._ever: set[str] = set()
        self._changes = 0

    def change(self, variables: Mapping[str, str]) -> None:
        """From now on these and no others.

        Raises:
            BadEnvironment: nothing was changed.
        """
        for name, value in variables.items():
            if not _NAME.fullmatch(name) or "\0" in value:
                raise BadEnvironment(f"{name[:64]!r} cannot be an environment variable")
        self._changes += 1
        gone = sorted(self._ever - variables.keys())
        lines = [f"# {self._changes}", *(f"unset {name}" for name in gone)]
        lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        _write_private(self._file, "\n".join(lines) + "\n")
        self._ever |= variables.keys()
        self.variables = dict(variables)


def _variables_file(config: Config) -> Path:
    return Path(config.private_dir) / "environment.sh"


def _write_private(path: Path, text: str) -> None:
    """Replaced in one piece, so that a shell never reads half of it."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
