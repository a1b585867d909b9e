"""Text that machines and strangers wrote, as PostgreSQL takes it."""

from __future__ import annotations


def storable(text: str) -> str:
    """`text` with another sign for each NUL, which neither a column of text nor one of jsonb can hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
