"""Between tests: what was committed is gone, what the migrations put there stays."""

from __future__ import annotations

import psycopg
import pytest
import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction

from common.tenancy import CREW
from sites.models import Site
from tests import make
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


def test_numbers_are_given_anew(eraser: Eraser) -> None:
    first = Group.objects.using("owner").create(name="first").pk
    eraser.erase()
    assert Group.objects.using("owner").create(name="second").pk == first


def test_a_table_that_has_grown_long_is_cut(eraser: Eraser) -> None:
    sites = Site.objects.using(CREW)
    sites.bulk_create(Site(name="x" * 200) for _ in range(5000))
    with connections["crew"].cursor() as cursor:
        eraser.erase()
        cursor.execute("SELECT pg_relation_size(%s)", [Site._meta.db_table])
        assert cursor.fetchone() == (0,)
    assert sites.count() == 0


def test_a_transaction_that_was_left_open_is_seen(eraser: Eraser) -> None:
    make.site()
    with transaction.atomic(using=CREW):
        assert Site.objects.using(CREW).count() == 1
        with pytest.raises(psycopg.errors.LockNotAvailable):
            eraser.erase(within_s=0.05)


@pytest.mark.parametrize(("alias", "role"), [("default", "app"), ("crew", "crew"), ("owner", "owner")])
def test_each_alias_is_its_own_role(alias: str, role: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (role,)
