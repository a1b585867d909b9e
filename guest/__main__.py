"""The guest's beginning: the X server first, then, while it rises, all that takes long to import.

`--bootstrap FOLDER` is for machines that are told at their first boot only where to ask (see `guest.bootstrap`).
"""

from __future__ import annotations

import importlib
import os
import sys

from guest import ahead

_SWITCH_S = 0.0002
_NO_BOOTSTRAP = 4


def main() -> int:
    if len(sys.argv) > 1 and not _prepared(sys.argv[1:]):
        return _NO_BOOTSTRAP
    if sys.platform == "win32":
        return _on_windows()
    server = ahead.begin()
    usual_s = sys.getswitchinterval()
    # The thread that raises the desktop does little but wait, and each time it would wait for a turn as well: an import
    # gives up the interpreter only when it must.
    sys.setswitchinterval(_SWITCH_S)
    # Not at the top: what comes now takes longer to import than the X server takes to rise.
    config, rise = importlib.import_module("guest.config"), importlib.import_module("guest.rise")
    try:
        settings = config.read()
    except config.BadConfig as error:
        sys.stderr.write(f"guest: {error}\n")
        return 2
    rising = rise.Rise(settings, ahead=server)
    program = importlib.import_module("guest.program")
    sys.setswitchinterval(usual_s)
    code: int = program.run(settings, rising)
    return code


def _on_windows() -> int:
    config, winprogram = importlib.import_module("guest.config"), importlib.import_module("guest.winprogram")
    try:
        code: int = winprogram.run(config.read())
    except config.BadConfig as error:
        sys.stderr.write(f"guest: {error}\n")
        return 2
    return code


def _prepared(arguments: list[str]) -> bool:
    """Whether the configuration is there, by way of the platform where it has to be. Says why not."""
    if len(arguments) != 2 or arguments[0] != "--bootstrap":
        sys.stderr.write("usage: python -m guest [--bootstrap FOLDER]\n")
        return False
    bootstrap, pathlib = importlib.import_module("guest.bootstrap"), importlib.import_module("pathlib")
    try:
        os.environ["GUEST_CONFIG"] = str(bootstrap.prepare(pathlib.Path(arguments[1])))
    except bootstrap.BootstrapFailed as error:
        sys.stderr.write(f"guest: {error}\n")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
