"""The guest's beginning: the X server first, then, while it rises, all that takes long to import."""

from __future__ import annotations

import importlib
import sys

from guest import ahead

_SWITCH_S = 0.0002


def main() -> int:
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


if __name__ == "__main__":
    sys.exit(main())
