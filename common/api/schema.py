"""OpenAPI: what every operation of ours says without being told."""

from __future__ import annotations

from drf_spectacular.openapi import AutoSchema


class Schema(AutoSchema):
    """Names operations `verb_noun` and documents the errors that apply."""
