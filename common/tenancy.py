"""The second wall's door: within a scope the database itself shows one site's rows and no other's.

Row-level security compares `site_id` with the setting `app.site_id`, which lives as long as the transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import connection, transaction

CREW = "crew"
"""The database alias that sees every site: sweeps, ingest, the platform's own admin. Never a tenant's request."""

_current: ContextVar[UUID | None] = ContextVar("site_scope", default=None)


@contextmanager
def site_scope(site_id: UUID) -> Iterator[None]:
    """One transaction that sees and writes `site_id`'s rows only; within a scope of the same site it adds nothing.

    Raises:
        RuntimeError: inside another site's scope; one request serves one site.
    """
    outer = _current.get()
    if outer is not None:
        if outer != site_id:
            raise RuntimeError("a scope of one site was opened inside another's")
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.site_id', %s, true)", [str(site_id)])
        token = _current.set(site_id)
        try:
            yield
        finally:
            _current.reset(token)


def current_site_id() -> UUID | None:
    """The site whose scope is open here, or None."""
    return _current.get()
