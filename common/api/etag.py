"""Versions of rows: an ETag with every answer that shows one, and If-Match before one is changed."""

from __future__ import annotations

import hashlib
from typing import Any

from django.utils.http import parse_etags
from rest_framework.request import Request

from common.errors import PreconditionFailed


def etag_of(row: Any) -> str | None:
    """The row's version as a strong ETag, from its `updated_at`; None for rows that keep none."""
    changed = getattr(row, "updated_at", None)
    if changed is None:
        return None
    digest = hashlib.sha256(f"{row.pk}:{changed.timestamp():.6f}".encode()).hexdigest()[:24]
    return f'"{digest}"'


def require_match(request: Request, etag: str | None) -> None:
    """Return when `If-Match` was not sent, or names this version.

    Raises:
        PreconditionFailed: it names another one.
    """
    header = request.headers.get("if-match", "").strip()
    if header and header != "*" and etag not in parse_etags(header):
        raise PreconditionFailed()
