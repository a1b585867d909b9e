"""The embedded Postgres: starts, stops, survives being killed, and binds each role to its rights."""

from __future__ import annotations

import os
import pwd
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.deployment import Deployment
from infra.embedded.postgres import Postgres
from infra.embedded.processes import started_ticks, wait_until
from tests.services import temporary_deployment


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    return temporary_deployment("postgres")


@pytest.fixture(scope="module")
def cluster(deployment: Deployment) -> Iterator[Postgres]:
    postgres = deployment.postgres()
    postgres.start()
    postgres.ensure_database()
    yield postgres
    postgres.stop()


@pytest.fixture
def postgres(cluster: Postgres) -> Iterator[Postgres]:
    """With a table of the owner's, behind a policy that hides each of its rows."""
    if not cluster.running():
        cluster.start()
    with psycopg.connect(cluster.url("owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE thing (id bigint GENERATED ALWAYS AS IDENTITY, site int)")
        owner.execute("ALTER TABLE thing ENABLE ROW LEVEL SECURITY")
        owner.execute("ALTER TABLE thing FORCE ROW LEVEL SECURITY")
        owner.execute("CREATE POLICY wall ON thing USING (site = 1)")
    yield cluster
    if not cluster.running():
        cluster.start()
    with psycopg.connect(cluster.url("owner"), autocommit=True) as owner:
        owner.execute("DROP TABLE thing")


def ask(postgres: Postgres, role: str, statement: str) -> list[tuple]:
    with psycopg.connect(postgres.url(role), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_what_was_written_is_there_after_a_stop_and_a_start(postgres: Postgres) -> None:
    ask(postgres, "crew", "INSERT INTO thing (site) VALUES (7)")
    postgres.stop()
    assert not postgres.running()
    postgres.start()
    assert ask(postgres, "crew", "SELECT site FROM thing") == [(7,)]


def test_what_was_committed_is_there_after_the_server_was_killed(postgres: Postgres) -> None:
    held = psycopg.connect(postgres.url("crew"), autocommit=True)
    held.execute("INSERT INTO thing (site) VALUES (8)")
    lasting = held.info.backend_pid
    os.kill(lasting, signal.SIGSTOP)  # a child that lives on for a while, and holds what a new server wants
    os.kill(postgres.pid, signal.SIGKILL)
    threading.Timer(0.5, os.kill, (lasting, signal.SIGCONT)).start()
    postgres.start()
    held.close()
    assert ask(postgres, "crew", "SELECT site FROM thing") == [(8,)]


def test_a_second_driver_takes_over_what_a_killed_supervisor_left_running(
    deployment: Deployment, postgres: Postgres
) -> None:
    left = postgres.pid
    other = deployment.postgres()
    other.start()
    try:
        assert started_ticks(left) is None
        assert ask(other, "owner", "SELECT 1") == [(1,)]
    finally:
        other.stop()


def test_a_half_made_data_directory_is_made_again() -> None:
    postgres = temporary_deployment("draft").postgres()
    (postgres.home / "data.new").mkdir(parents=True)
    (postgres.home / "data.new" / "PG_VERSION").write_text("18")
    postgres.start()
    try:
        assert postgres.running()
    finally:
        postgres.stop()


def test_roles_can_be_set_up_twice(postgres: Postgres) -> None:
    postgres.ensure_database()
    assert ask(postgres, "app", "SELECT current_user") == [("app",)]


def test_the_server_wants_the_right_password(postgres: Postgres) -> None:
    wrong = postgres.url("app").replace(postgres.secrets.postgres_app, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_the_password_stands_in_no_command_line(postgres: Postgres) -> None:
    command = Path(f"/proc/{postgres.pid}/cmdline").read_text()
    assert postgres.secrets.postgres_superuser not in command
    assert "5432" not in command


def test_the_server_never_runs_as_root(postgres: Postgres) -> None:
    owner = Path(f"/proc/{postgres.pid}").stat().st_uid
    assert owner == (os.geteuid() or pwd.getpwnam("daemon").pw_uid)


def test_app_cannot_pass_a_row_policy_and_crew_can(postgres: Postgres) -> None:
    ask(postgres, "crew", "INSERT INTO thing (site) VALUES (1), (2)")
    assert ask(postgres, "app", "SELECT site FROM thing") == [(1,)]
    assert ask(postgres, "owner", "SELECT site FROM thing") == [(1,)]
    assert ask(postgres, "crew", "SELECT site FROM thing ORDER BY site") == [(1,), (2,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(postgres, "app", "INSERT INTO thing (site) VALUES (2)")


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE thing",
        "ALTER TABLE thing NO FORCE ROW LEVEL SECURITY",
        "CREATE TABLE mine ()",
        "CREATE SCHEMA mine",
        "SET ROLE owner",
        "SET ROLE postgres",
        "ALTER ROLE app BYPASSRLS",
        "CREATE ROLE friend",
        "DROP TABLE thing",
    ],
)
@pytest.mark.parametrize("role", ["app", "crew"])
def test_only_the_owner_changes_tables_and_nobody_changes_roles(postgres: Postgres, role: str, statement: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
        ask(postgres, role, statement)


def test_app_cannot_switch_the_policies_off(postgres: Postgres) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(postgres.url("app")) as app:
        app.execute("SET row_security = off")
        app.execute("SELECT * FROM thing")


def test_the_server_ends_when_the_one_who_started_it_dies() -> None:
    deployment = temporary_deployment("orphan")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            postgres = deployment.postgres()
            postgres.start()
            os.write(writer, str(postgres.pid).encode())
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(writer)
    pid = int(os.read(reader, 20))
    os.close(reader)
    os.waitpid(child, 0)
    wait_until(lambda: started_ticks(pid) is None, timeout_s=10, what="end of the orphaned server")
    assert started_ticks(pid) is None
