"""The guest's beginning: the X server first, then, while it rises, all that takes long to import."""

from __future__ import annotations

import importlib
import sys

from guest import config, rise


def main() -> int:
    try:
        settings = config.read()
    except config.BadConfig as error:
        sys.stderr.write(f"guest: {error}\n")
        return 2
    # Not at the top: asyncio and websockets take longer to import than the X server takes to rise.
    rising = rise.Rise(settings)
    program = importlib.import_module("guest.program")
    code: int = program.run(settings, rising)
    return code


if __name__ == "__main__":
    sys.exit(main())
