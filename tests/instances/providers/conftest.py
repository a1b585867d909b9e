"""A fresh rig for each test of the local driver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.instances.providers import rig as rigs


@pytest.fixture
def rig() -> Iterator[rigs.Rig]:
    with rigs.rig() as one:
        yield one
