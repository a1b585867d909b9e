"""Which fields take secrets, and everything in which one must not be found: replies apart, which a test collects."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import redis
from django.contrib import admin
from django.db import connections
from django.test import Client
from django.urls import NoReverseMatch, reverse

from common import logs
from common.key_rotation import sealed_columns
from common.secrets import unseal
from common.tenancy import CREW
from tests import make
from tests.walls.document import DOCUMENT, OPERATIONS

_SECRET_NAME = re.compile(r"pass|secret|token|credential|environment", re.IGNORECASE)
NO_SECRETS = {
    "tokens_used": "how many a model used",
    "site_id": "which of them is meant",
    "template": "which of them is meant",
}


def _properties(schema: dict[str, Any], seen: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from _properties(DOCUMENT["components"]["schemas"][name], (*seen, name))
        return
    for choice in ("allOf", "oneOf", "anyOf"):
        for inner in schema.get(choice, ()):
            yield from _properties(inner, seen)
    for name, inner in schema.get("properties", {}).items():
        yield name, inner
        yield from _properties(inner, seen)
    if isinstance(schema.get("items"), dict):
        yield from _properties(schema["items"], seen)


def secret_takers() -> set[tuple[str, str]]:
    """(method and path, field) of everything sent to us that is a secret by its name or by the document."""
    found = set()
    for operation in OPERATIONS.values():
        for body in operation.said.get("requestBody", {}).get("content", {}).values():
            for name, said in _properties(body["schema"]):
                if name not in NO_SECRETS and (said.get("writeOnly") or _SECRET_NAME.search(name)):
                    found.add((f"{operation.method} {operation.path}", name))
    return found


def admin_pages() -> list[bytes]:
    operator = Client()
    operator.force_login(make.user(is_staff=True, is_superuser=True))
    pages = [operator.get("/admin/").content]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages.append(operator.get(reverse(f"{name}_changelist")).content)
        for row in model._base_manager.using(CREW).order_by("-pk")[:5]:
            for page in ("change", "history"):
                try:
                    pages.append(operator.get(reverse(f"{name}_{page}", args=[row.pk])).content)
                except NoReverseMatch:
                    continue
    return pages


def database() -> list[bytes]:
    with connections[CREW].cursor() as cursor:
        return dumped(cursor.cursor)


def dumped(cursor: Any) -> list[bytes]:
    """Every table, as a dump has it; `cursor` is psycopg's own."""
    found = []
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace"
    )
    for (table,) in cursor.fetchall():
        with cursor.copy(f'COPY (SELECT * FROM "{table}") TO STDOUT') as copied:
            found.append(b"".join(bytes(block) for block in copied))
    return found


def redis_values(url: str) -> list[bytes]:
    store: Any = redis.Redis.from_url(url)
    read: dict[bytes, Callable[[bytes], Any]] = {
        b"string": lambda name: [store.get(name)],
        b"list": lambda name: store.lrange(name, 0, -1),
        b"hash": lambda name: [part for pair in store.hgetall(name).items() for part in pair],
        b"set": store.smembers,
        b"zset": lambda name: store.zrange(name, 0, -1),
    }
    found = []
    for name in store.scan_iter(count=1000):
        found += [name, *read.get(store.type(name), lambda _: [])(name)]
    return [bytes(part) for part in found if part]


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.addFilter(logs.WithContext())
        self.setFormatter(logging.Formatter("%(message)s %(args)s"))
        self.lines: list[bytes] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record).encode(errors="replace"))


def hidden(canary: str) -> list[bytes]:
    """As it is, and as dumps and headers write it."""
    raw = canary.encode()
    return [raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")[:-2]]


def unsealed() -> dict[str, str]:
    """What lies in each sealed column, opened: there the canaries must be."""
    found = {}
    with connections[CREW].cursor() as cursor:
        for _, table, column in sealed_columns():
            cursor.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
            found[f"{table}.{column}"] = json.dumps([unseal(bytes(row[0])) for row in cursor.fetchall()])
    return found


def coded(canary: str) -> str:
    return base64.b64encode(canary.encode()).decode()
