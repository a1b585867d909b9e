"""What every test may ask for: the run's own Postgres and Valkey, an erased database, the whole running platform."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import django
import pytest
import xdist
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import call_command
from django.db import connections

from infra.deployment import Deployment
from tests import counts, workers
from tests import services as test_services
from tests.stack import Stack, started_stack

# Here and not by an option in pyproject.toml, with which pytest-django would read the settings before these are there.
DEPLOYMENT = test_services.announce()
django.setup()
# What is done with a hash is the same when it is cheap to make, and a run makes hundreds.
PBKDF2PasswordHasher.iterations = 1_000
# Each test client loads the middleware: static files are then looked for when they are asked for, and not all at once.
settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session")
def services() -> Iterator[Deployment]:
    """The run's Postgres and Valkey, up; started for the first test that needs them."""
    postgres, valkey = DEPLOYMENT.postgres(), DEPLOYMENT.valkey()
    try:
        postgres.start()
        postgres.ensure_database()
        valkey.start()
        yield DEPLOYMENT
    finally:
        valkey.stop()
        postgres.stop()


@pytest.fixture(scope="session")
def django_db_setup(services: Deployment, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """In place of pytest-django's: one database, migrated once by its owner, used through the three real roles."""
    with django_db_blocker.unblock():
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        connections.close_all()
        yield
        for connection in connections.all(initialized_only=True):
            connection.close()
            connection.close_pool()


@pytest.fixture(scope="session")
def eraser(services: Deployment, django_db_setup: None) -> Iterator[test_services.Eraser]:
    eraser = test_services.Eraser(services)
    yield eraser
    eraser.close()


@pytest.fixture
def _django_db_helper(eraser: test_services.Eraser, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """In place of pytest-django's: what `django_db` and `db` mean here is real commits, erased after the test."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()
        eraser.erase()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole platform, running; the same for all tests that ask for it. Mark those `stack`."""
    with started_stack() as running:
        yield running


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> Generator[None]:
    """After pytest-django has put them into its own order."""
    yield
    if xdist.is_xdist_worker(session):
        workers.arrange(items)


def pytest_xdist_setupnodes() -> None:
    test_services.recall()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if xdist.is_xdist_worker(session):
        workers.hand_in(session.config)


def pytest_testnodedown(node: Any) -> None:
    workers.collect(node)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the platform's logs where a test on it failed."""
    report = yield
    running = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(running, Stack):
        report.sections.append(("the platform's logs", running.logs()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was tried."""
    if told := counts.lines():
        terminalreporter.section("tried and measured")
        for line in told:
            terminalreporter.write_line(line)
