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

# The environment as it was before the run's own settings went into it: what a platform under test starts from.
OUTSIDE = {name: value for name, value in os.environ.items() if name != "PUBLIC_URL"}


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


class Eraser:
    """Takes out what a test left behind: every table that was empty after the migrations, and all of Redis.

    Several roles and connections really commit in our tests, so rolling back one transaction would undo too little.
    """

    def __init__(self, deployment: Deployment) -> None:
        postgres = deployment.postgres()
        # crew sees rows of all sites; only the owner may truncate.
        self._crew = psycopg.connect(postgres.url("crew"), autocommit=True)
        self._owner = psycopg.connect(postgres.url("owner"), autocommit=True, options="-c lock_timeout=10s")
        self._redis = redis.Redis.from_url(deployment.valkey().url())
        self._seeded = set(self._filled_tables())

    def erase(self) -> None:
        """Raises psycopg's LockNotAvailable where a test left a transaction open."""
        self._redis.flushall()
        tables = [table for table in self._filled_tables() if table not in self._seeded]
        if tables:
            names = sql.SQL(", ").join(map(sql.Identifier, tables))
            self._owner.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))

    def close(self) -> None:
        self._crew.close()
        self._owner.close()
        self._redis.close()

    def _filled_tables(self) -> list[str]:
        """Partitions count as their parent, which truncates them."""
        tables = [
            name
            for (name,) in self._crew.execute(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
                " AND relnamespace = 'public'::regnamespace"
            )
        ]
        if not tables:
            return []
        probe = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
        probes = (probe.format(sql.Literal(table), sql.Identifier(table)) for table in tables)
        return [name for (name,) in self._crew.execute(sql.SQL(" UNION ALL ").join(probes))]
