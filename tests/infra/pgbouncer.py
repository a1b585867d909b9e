"""A PgBouncer for one test: Debian's package, run as an unprivileged account on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from infra.embedded.processes import (
    Process,
    Program,
    free_port,
    own_directory,
    port_is_free,
    server_account,
    wait_until,
)
from tests.services import temporary_directory

SERVER = Path("/usr/sbin/pgbouncer")
_SETTINGS = """\
[databases]
* = host={host} port={behind}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
ignore_startup_parameters = extra_float_digits, options
"""


@contextmanager
def started_pgbouncer(urls: Mapping[str, str], *, connections: int) -> Iterator[dict[str, str]]:
    """The database `urls` by way of a pooler, which hands so many connections of each role from transaction to
    transaction. It ends with the context."""
    account = server_account()
    home = own_directory(temporary_directory("pgbouncer") / "home", account)
    behind = urlsplit(next(iter(urls.values())))
    port = free_port()
    roles = {(parts.username, parts.password) for parts in map(urlsplit, urls.values())}
    users, settings = home / "users.txt", home / "pgbouncer.ini"
    users.write_text("".join(f'"{name}" "{password}"\n' for name, password in roles))
    settings.write_text(
        _SETTINGS.format(host=behind.hostname, behind=behind.port, port=port, users=users, connections=connections)
    )
    for file in (users, settings):
        file.chmod(0o644)  # below a folder that nobody else may enter
    log = home.parent / "pgbouncer.log"
    server = Process(Program("pgbouncer", (str(SERVER), str(settings)), log, cwd=home, account=account))
    try:
        wait_until(lambda: not port_is_free(port), timeout_s=20, what="PgBouncer")
        yield {name: url.replace(f":{behind.port}/", f":{port}/") for name, url in urls.items()}
    finally:
        server.stop()
