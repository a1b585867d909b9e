"""The core's surroundings in memory: a provider and guests that do as a test tells them, and a site to ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from common import clock
from common.tenancy import CREW, site_scope
from instances import ports, reconcile, services, tasks
from instances.models import Event, Instance
from instances.providers import registry
from sites.api import hot
from sites.models import Membership, Site, User
from sites.principal import Principal
from sites.roles import SCOPES_OF_ROLE, Role
from tests.doubles import FakeGuests, FakeProvider
from tests.instances.providers.ec2_cloud import KEYS, Cloud, cloud


@dataclass
class World:
    """A site with an operator, its provider and its guests. Nothing runs by itself: `settle` steps by hand."""

    principal: Principal
    provider: FakeProvider = field(default_factory=FakeProvider)
    guests: FakeGuests = field(default_factory=FakeGuests)
    looked: list[UUID] = field(default_factory=list)

    def ask(self, **fields: object) -> Instance:
        return services.request_instance(self.principal, **{"name": "desk", "instance_type": "ubuntu", **fields})

    def read(self, instance: Instance) -> Instance:
        return Instance.everywhere.get(pk=instance.pk)

    def step(self, instance: Instance) -> Instance:
        reconcile.step(instance.pk)
        return self.read(instance)

    def settle(self, instance: Instance, *, at_most: int = 20) -> Instance:
        """Step until nothing is due at once."""
        for _ in range(at_most):
            delay = reconcile.step(instance.pk)
            if delay is None or delay > 0.06:
                break
        return self.read(instance)

    def running(self, **fields: object) -> Instance:
        instance = self.settle(self.ask(**fields))
        self.guests.arrive(instance.machine)
        instance = self.settle(instance)
        assert instance.status == "running", (instance.status, instance.status_reason)
        return instance

    def history(self, instance: Instance) -> list[str]:
        return list(Event.everywhere.filter(instance=instance).order_by("number").values_list("kind", flat=True))


@pytest.fixture(scope="session")
def account() -> Iterator[Cloud]:
    """An account at EC2, and the credentials for it in the environment."""
    with cloud() as one, pytest.MonkeyPatch.context() as environment:
        for name, value in KEYS.items():
            environment.setenv(name, value)
        yield one


def principal_of_new_site(role: str = Role.OPERATOR) -> Principal:
    site = Site(name="a site")
    site.save(using=CREW)
    user = User.objects.create_user(f"{site.pk}@example.org")
    Membership(site=site, user=user, role=role).save(using=CREW)
    return Principal(site_id=site.pk, user_id=user.pk, role=role, scopes=SCOPES_OF_ROLE[role], via="key")


@contextmanager
def surrounded(patched: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose provider and guests are the platform's until the end."""
    world = World(principal_of_new_site())
    installed = ports.guests()
    registry.install("fake", world.provider)
    ports.install_guests(world.guests)
    patched.setattr("django.conf.settings.DEFAULT_PROVIDER", "fake")
    patched.setattr(tasks, "look_soon", world.looked.append)
    yield world
    ports.install_guests(installed)


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with surrounded(monkeypatch) as world:
        yield world


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """`later(s)`: from now on it is `s` seconds later."""
    real, ahead = clock.now, [0.0]

    def pass_time(seconds: float) -> None:
        ahead[0] += seconds

    monkeypatch.setattr(clock, "now", lambda: real() + clock.timedelta(seconds=ahead[0]))
    yield pass_time


__all__ = ["World", "principal_of_new_site", "site_scope"]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The actions that the short way has answered."""
    answered: list[str] = []
    answer = hot._answer

    def noting(view: Any, action: str, *rest: Any) -> Any:
        found = answer(view, action, *rest)
        answered.extend([action] if found is not None else [])
        return found

    hot._hot.cache_clear()
    monkeypatch.setattr(hot, "_answer", noting)
    yield answered
    hot._hot.cache_clear()
