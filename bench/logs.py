"""Entries a second over REST against bare COPY, and how soon a watcher sees one: `python -m bench.logs [rounds]`.

On a Postgres, a Valkey and a web process of its own. Both floors are taken in the same run, in turns with the thing:
COPY of the same rows into the same table, indexes and keys and all; and for the tail a bare INSERT, a publish, and one
subscriber that reads the row.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import django
import psycopg
import redis
from django.core.management import call_command

from tests import services as own

DEPLOYMENT = own.announce()
django.setup()

from common.ids import new_id  # noqa: E402 - needs Django set up
from common.realtime.publish import PREFIX  # noqa: E402
from instances import services  # noqa: E402
from tests import make  # noqa: E402
from tests.realtime.served import PROJECT, Web  # noqa: E402

BATCH = 1000
COLUMNS = (
    *("id", "created_at", "site_id", "instance_id", "user_id", "log_type", "level", "message", "details", "tool_name"),
    *("tool_call_id", "tool_args", "tool_result", "is_error", "duration_ms", "tokens_used", "artifacts"),
)
ENTRY = {
    "log_type": "tool_result",
    "message": "Clicked the button that says “Next” and waited for the page; it had 14 fields.",
    "details": {"page": 2, "url": "https://example.org/form"},
    "tool_name": "computer",
    "tool_call_id": "call_0123456789",
    "tool_args": {"type": "click", "x": 410, "y": 233},
    "tool_result": {"ok": True},
    "duration_ms": 41.5,
}


@dataclass(slots=True)
class Place:
    """Where entries go, and who writes them."""

    web: Web
    site_id: UUID
    user_id: UUID
    instance_id: UUID
    secret: str

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=30)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}

    @property
    def path(self) -> str:
        return f"/api/instances/{self.instance_id}/logs"

    def post(self, connection: http.client.HTTPConnection, body: bytes) -> None:
        connection.request("POST", self.path, body, self.headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 201, answer.status

    def row(self) -> tuple[object, ...]:
        """The same entry as a row for COPY."""
        said = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in ENTRY.items()}
        known = {"id": new_id(), "created_at": "now", "site_id": self.site_id, "instance_id": self.instance_id}
        rest = {"user_id": self.user_id, "level": "info", "is_error": False, "tokens_used": "{}", "artifacts": "[]"}
        values = {**said, **known, **rest}
        return tuple(values[column] for column in COLUMNS)


def bulk(place: Place, rounds: int) -> None:
    """A thousand entries in one POST, and in one COPY."""
    rest, bare = place.connection(), _crew()
    body = json.dumps([ENTRY] * BATCH).encode()
    posted, copied = _in_turns(rounds, lambda: place.post(rest, body), lambda: _copy(bare, place))
    ratio = statistics.median(posted) / statistics.median(copied)
    print(f"logs.bulk   ({rounds} rounds of {BATCH})")
    print(f"  REST        {BATCH / statistics.median(posted):9,.0f} entries/s")
    print(f"  bare COPY   {BATCH / statistics.median(copied):9,.0f} entries/s   same table, indexes and foreign keys")
    print(f"  ratio       {ratio:9.2f}\n", flush=True)


def tail(place: Place, rounds: int) -> None:
    """From POST to the watching client, against the bare path of the same row."""
    watcher, bare = Watcher(place), Bare(place)
    rest, body = place.connection(), json.dumps(ENTRY).encode()
    told, floor = _in_turns(
        rounds,
        lambda: watcher.until_told(lambda: place.post(rest, body)),
        bare.until_read,
    )
    answered, _ = _in_turns(rounds, lambda: place.post(rest, body), lambda: None)
    print(f"logs.tail   ({rounds} rounds)")
    for name, took in (("POST to client", told), ("POST to answer", answered), ("bare", floor)):
        cuts = statistics.quantiles(took, n=100)
        print(f"  {name:<16} p50 {cuts[49] * 1000:7.2f} ms   p99 {cuts[98] * 1000:7.2f} ms")
    print(f"  ratio            {statistics.median(told) / statistics.median(floor):7.2f}\n", flush=True)


class Watcher:
    """A client of the tail, which says when an entry has arrived."""

    def __init__(self, place: Place) -> None:
        connection = place.connection()
        connection.request("GET", f"{place.path}/tail", headers=place.headers)
        self._lines: Iterator[bytes] = iter(connection.getresponse())
        next(self._lines)
        self._told = threading.Semaphore(0)
        threading.Thread(target=self._listen, daemon=True).start()

    def until_told(self, write: Callable[[], None]) -> None:
        write()
        assert self._told.acquire(timeout=30), "the entry never came"

    def _listen(self) -> None:
        for line in self._lines:
            if line.startswith(b"data:"):
                self._told.release()


class Bare:
    """One INSERT and commit, one publish, one subscriber, one SELECT: what no tail by rows can do without."""

    def __init__(self, place: Place) -> None:
        self._place, self._writer, self._reader = place, _crew(), _crew()
        self._redis = redis.Redis.from_url(DEPLOYMENT.valkey().url())
        self._ears = self._redis.pubsub()
        self._ears.subscribe(f"{PREFIX}bare")
        self._ears.get_message(timeout=5)

    def until_read(self) -> None:
        row = self._place.row()
        marks = ", ".join(["%s"] * len(COLUMNS))
        self._writer.execute(f"INSERT INTO instances_log ({', '.join(COLUMNS)}) VALUES ({marks})", row)
        self._redis.publish(f"{PREFIX}bare", b"")
        assert self._ears.get_message(timeout=5)
        assert self._reader.execute("SELECT * FROM instances_log WHERE id = %s", [row[0]]).fetchone()


def _in_turns(rounds: int, *works: Callable[[], None]) -> list[list[float]]:
    """Seconds of each, once a round; a first round is not counted."""
    took: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, kept in zip(works, took, strict=True):
            begun = time.perf_counter()
            work()
            if number:
                kept.append(time.perf_counter() - begun)
    return took


def _crew() -> psycopg.Connection:
    return psycopg.connect(DEPLOYMENT.postgres().url("crew"), autocommit=True)


def _copy(connection: psycopg.Connection, place: Place) -> None:
    with connection.cursor().copy(f"COPY instances_log ({', '.join(COLUMNS)}) FROM STDIN") as copy:
        for _ in range(BATCH):
            copy.write_row(place.row())


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    postgres, valkey = DEPLOYMENT.postgres(), DEPLOYMENT.valkey()
    with TemporaryDirectory() as folder:
        postgres.start()
        postgres.ensure_database()
        valkey.start()
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        web = Web(Path(folder), PROJECT)
        try:
            place = _place(web)
            bulk(place, rounds)
            tail(place, rounds * 10)
        finally:
            web.stop()
            valkey.stop()
            postgres.stop()


def _place(web: Web) -> Place:
    site = make.site()
    key, secret = make.key(site)
    instance = services.request_instance(make.principal(site, user_id=key.user_id), name="bench")
    return Place(web, site.pk, key.user_id, instance.pk, secret)


if __name__ == "__main__":
    main()
