"""What a fuzz asks for: the platform's web server over HTTP, on real Postgres, with machines and guests in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connections

from facades.sessions_v1 import views
from tests.fuzz.place import FuzzPlace
from tests.fuzz.served import Served, served
from tests.instances.conftest import World, surrounded
from tests.services import Eraser


@pytest.fixture(scope="package")
def ground(eraser: Eraser, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """The database, open for the whole package: each test takes a site of its own, and all is erased at the end."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()
        eraser.erase()


@pytest.fixture(scope="package")
def world(ground: None) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patched, surrounded(patched) as world:
        patched.setattr(views, "WAITED_S", 0.0)  # for machines that no worker stops here
        yield world


@pytest.fixture(scope="package")
def web(world: World) -> Iterator[Served]:
    with served() as web:
        yield web


@pytest.fixture
def place(world: World) -> FuzzPlace:
    return FuzzPlace(world)
