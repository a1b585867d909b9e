"""A site whose machines live in memory, and a way for unmodified clients to Django without a server between."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from django.core.handlers.wsgi import WSGIHandler

from sites.models import Site
from sites.principal import Principal
from tests import make
from tests.instances.conftest import World, later, world

__all__ = ["later", "world"]


@pytest.fixture
def key_of() -> Callable[[Principal], str]:
    """A key of that principal's site, by role."""

    def make_key(principal: Principal, role: str = "owner") -> str:
        return make.key(Site.objects.using("crew").get(pk=principal.site_id), role)[1]

    return make_key


@pytest.fixture
def key(world: World, key_of: Callable[[Principal], str]) -> str:
    return key_of(world.principal)


@pytest.fixture
def django_over_httpx() -> Iterator[httpx.Client]:
    """As a client library would have it, with the platform beneath."""
    transport = httpx.WSGITransport(app=WSGIHandler(), raise_app_exceptions=False)
    with httpx.Client(transport=transport, base_url="http://localhost") as client:
        yield client
