"""Between tests: what was committed is gone, what the migrations put there stays."""

from __future__ import annotations

import pytest
import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connections

from tests.services import Eraser

pytestmark = pytest.mark.django_db


def test_what_a_test_commits_is_erased_and_what_migrations_made_stays(eraser: Eraser) -> None:
    users = get_user_model()._default_manager.using("crew")
    users.create(email="somebody@example.com")
    kinds = ContentType.objects.count()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.set("left", "behind")
        eraser.erase()
        assert client.get("left") is None
    assert users.count() == 0
    assert ContentType.objects.count() == kinds > 0


@pytest.mark.parametrize(("alias", "role"), [("default", "app"), ("crew", "crew"), ("owner", "owner")])
def test_each_alias_is_its_own_role(alias: str, role: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (role,)
