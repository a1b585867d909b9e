"""One web process that serves a list three ways: ours, plain REST framework's, and bare psycopg with orjson.

`python -m bench.listserver`: on HOST:PORT, by the platform's own server and bridge.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

import orjson
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from orchestrator.bridge import Bridge
from orchestrator.frontdoor import FrontDoor
from orchestrator.serve import Server, config

_PAGE = """
SELECT id, name, instance_type, status, status_reason, desired_state, site_id, user_id, agent_id, created_by_id,
       configuration, environment_names, tools_enabled, provider, incarnation, generation, last_screenshot_at,
       last_activity_at, total_commands_executed, created_at, updated_at, started_at, stopped_at
FROM instances_instance WHERE site_id = %s AND deleted_at IS NULL ORDER BY id DESC LIMIT 50
"""


class Bare:
    """A WSGI application that is one SELECT and one `orjson.dumps`: no key, no count, no links, no walls."""

    def __init__(self, database_url: str) -> None:
        options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        self._pool = ConnectionPool(database_url, kwargs=options, min_size=4, max_size=16, open=True)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._pool.connection() as connection:
            rows = connection.execute(_PAGE, [UUID(environ["QUERY_STRING"])]).fetchall()
        body = orjson.dumps({"results": rows})
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def application() -> FrontDoor:
    settings.ROOT_URLCONF = "bench.plain"
    django, bare = get_wsgi_application(), Bare(os.environ["DATABASE_CREW_URL"])

    def by_path(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return (bare if environ["PATH_INFO"] == "/bare" else django)(environ, start_response)

    bridge = Bridge(by_path, workers=int(os.environ.get("WEB_THREADS", "32")))
    return FrontDoor(wsgi=bridge, asgi=None, websocket=None, max_body_bytes=settings.MAX_BODY_BYTES)


if __name__ == "__main__":
    served = config("bench.listserver:application")
    served.factory = True
    Server(served).run()
