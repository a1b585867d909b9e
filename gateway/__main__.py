"""`python -m gateway`: reads the environment, serves until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys

import uvloop

from common import metrics
from gateway import app, config, logs, sockets

log = logging.getLogger("gateway")


def main() -> int:
    """The exit status: 0 after a stop, 1 where it could not serve, 2 where it was told nonsense."""
    logs.set_up(as_json=os.environ.get("LOG_FORMAT") == "json")
    try:
        told = config.read(os.environ)
    except config.BadConfig as error:
        logs.event(log, "cannot start", level=logging.ERROR, why=str(error))
        return 2
    _allow_many_connections()
    metrics.name_process("gateway")
    metrics.serve_where_asked()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(app.run(told))
    except (sockets.Taken, OSError) as error:
        logs.event(log, "cannot serve", level=logging.ERROR, why=str(error))
        return 1
    return 0


def _allow_many_connections() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
