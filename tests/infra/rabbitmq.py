"""A RabbitMQ for one test: Debian's package, run as an unprivileged account with ports and folders of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.embedded.processes import Process, Program, free_port, own_directory, server_account, tail, wait_until
from tests.services import temporary_directory

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_UP_WITHIN_S = 120.0


@contextmanager
def started_rabbitmq() -> Iterator[str]:
    """Its URL. Its node and the port mapper that Erlang wants are this test's own children, and end with it."""
    account = server_account()
    home = own_directory(temporary_directory("rabbitmq") / "home", account)
    port, mapper_port = free_port(), free_port()
    environment = _environment(home, port, mapper_port)
    mapper_command = ("/usr/bin/epmd", "-port", str(mapper_port), "-address", "127.0.0.1")
    log = home.parent / "rabbitmq.log"
    mapper = Process(
        Program("epmd", mapper_command, home.parent / "epmd.log", env=environment, cwd=home, account=account)
    )
    node = Process(Program("rabbitmq", (str(SERVER),), log, env=environment, cwd=home, account=account, grace_s=20))
    try:

        def is_up() -> bool:
            assert node.exit_code is None, f"RabbitMQ ended at its start:\n{tail(log, lines=30)}"
            return "Server startup complete" in log.read_text(errors="replace")

        wait_until(is_up, timeout_s=_UP_WITHIN_S, what="RabbitMQ", every_s=0.1)
        yield f"amqp://guest:guest@127.0.0.1:{port}//"
    finally:
        node.stop()
        mapper.stop()


def _environment(home: Path, port: int, mapper_port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "ERL_EPMD_PORT": str(mapper_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"tests{os.getpid()}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(home / "none"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
    }
