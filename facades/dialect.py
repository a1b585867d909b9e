"""What a dialect is to the doors: which addresses are its own, and how it says a refusal of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Refusal = tuple[int, dict[str, Any]]
"""A status and a body."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`rephrase(path, status, body)` says our error body (`common.api.errors.body`) in the dialect's words;
    `may_take_long(path)` says where an answer may take seconds."""

    owns: Callable[[str], bool]
    rephrase: Callable[[str, int, Mapping[str, Any]], Refusal]
    may_take_long: Callable[[str], bool] = lambda path: False
