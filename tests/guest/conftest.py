"""The desktops that tests share: started once, for the first test that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.guest.desk import Desk, desk


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ubuntu() -> AsyncIterator[Desk]:
    """A Linux desktop with its terminal open."""
    async with desk("ubuntu") as ready:
        yield ready


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Desk]:
    """A desktop with Chromium on it."""
    async with desk("browser") as ready:
        yield ready
