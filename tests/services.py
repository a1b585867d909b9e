"""The Postgres and Valkey of one test run: real servers of its own, quick settings, gone at its end."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import psycopg
import redis
from psycopg import sql

from infra import deployment as deployments
from infra.deployment import Deployment
from infra.embedded.paths import State
from infra.embedded.postgres import DATABASE

# Python may keep what it has compiled: otherwise each of the many processes of a run compiles all of Django for itself,
# which takes three seconds.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# The environment as it was before the run's own settings went into it: what a platform under test starts from.
OUTSIDE = {name: value for name, value in os.environ.items() if name != "PUBLIC_URL"}

# TRUNCATE makes each file of a table and of its indexes anew: 90 ms of processor time for all that hangs on a site,
# where a DELETE of the few rows of one test takes 5. The lock is TRUNCATE's, which shows a transaction that was left
# open; and the tables that dead rows have made long are truncated after all.
_ERASE = """
CREATE FUNCTION pg_temp.erase(names text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
    found boolean;
    filled text[] := '{}';
    long text[] := '{}';
BEGIN
    FOREACH name IN ARRAY names LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO found;
        IF found THEN filled := filled || name; END IF;
    END LOOP;
    FOREACH name IN ARRAY filled LOOP
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', name);
        EXECUTE format('DELETE FROM %I', name);
        PERFORM setval(objid::regclass, 1, false) FROM pg_depend
            WHERE refobjid = name::regclass AND classid = 'pg_class'::regclass AND deptype IN ('a', 'i')
            AND objid IN (SELECT seqrelid FROM pg_sequence);
        IF (SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(name)) > 1048576
            OR pg_relation_size(name) > 1048576 THEN long := long || name; END IF;
    END LOOP;
    FOREACH name IN ARRAY long LOOP
        EXECUTE format('TRUNCATE %I CASCADE', name);
    END LOOP;
END $$
"""


def temporary_directory(purpose: str) -> Path:
    """A new folder that other accounts may pass through (the servers' account must), removed when Python ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"orchestrator-{purpose}-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def temporary_state(purpose: str) -> State:
    """A deployment's folders, all of them temporary but the cache of what is dear to build."""
    folder = temporary_directory(purpose)
    return State.at(folder / "state", runtime_root=folder)


def temporary_deployment(purpose: str) -> Deployment:
    """A deployment that nobody else knows of. Nothing of it runs yet."""
    return deployments.at(temporary_state(purpose), port=1, durable=False)


def announce() -> Deployment:
    """Put the run's settings into the environment, where Django's settings will read them. Nothing runs yet."""
    os.environ.pop("PUBLIC_URL", None)
    deployment = temporary_deployment("tests")
    os.environ.update(deployment.settings(), DJANGO_SETTINGS_MODULE="orchestrator.settings", RATE_LIMITS="off")
    return deployment


def recall() -> None:
    """Have the environment as it was before `announce`: for child processes that will have servers of their own."""
    os.environ.clear()
    os.environ.update(OUTSIDE)


class Eraser:
    """Takes out what a test left behind: every table that was empty after the migrations, and all of Redis.

    Several roles and connections really commit in our tests, so rolling back one transaction would undo too little.
    """

    def __init__(self, deployment: Deployment) -> None:
        # The superuser sees the rows of all sites, and may leave foreign keys and triggers asleep.
        self._postgres = psycopg.connect(
            deployment.postgres().superuser_dsn(DATABASE),
            autocommit=True,
            options="-c session_replication_role=replica",
        )
        self._redis = redis.Redis.from_url(deployment.valkey().url())
        self._postgres.execute(_ERASE)
        self._tables = [name for name in self._all_tables() if not self._has_rows(name)]

    def erase(self, *, within_s: float = 10.0) -> None:
        """Raises psycopg's LockNotAvailable where a test left a transaction open."""
        self._redis.flushall()
        self._postgres.execute("SELECT set_config('lock_timeout', %s, false)", [f"{within_s * 1000:.0f}ms"])
        self._postgres.execute("SELECT pg_temp.erase(%s)", [self._tables], prepare=True)

    def close(self) -> None:
        self._postgres.close()
        self._redis.close()

    def _all_tables(self) -> list[str]:
        """Partitions count as their parent."""
        found = self._postgres.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace"
        )
        return [name for (name,) in found]

    def _has_rows(self, table: str) -> bool:
        return bool(
            self._postgres.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table))).fetchone()
        )
