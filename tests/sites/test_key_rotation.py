"""Keys of secrets at rest: envelopes, and changing the key under a running platform."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.management import CommandError, call_command
from django.db import connections

from common import clock, key_rotation, secrets
from common.key_rotation import sealed_columns
from common.tenancy import CREW
from instances.models import Instance
from tests import make

pytestmark = pytest.mark.django_db
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


class Ring:
    """FIELD_KEYS as a test sets them."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def hold(self, *keys: str) -> None:
        self._settings.FIELD_KEYS = list(keys)
        secrets.forget_keys()


@pytest.fixture
def ring(settings: Any) -> Iterator[Ring]:
    held = Ring(settings)
    held.hold(OLD)
    yield held
    secrets.forget_keys()


def _instances(count: int) -> None:
    site, user = make.site(), make.user()
    rows = [
        Instance(site=site, name="d", user=user, created_by=user, provider="fake", status_since=clock.now())
        for _ in range(count)
    ]
    for number, row in enumerate(rows):
        row.set_environment({"NUMBER": str(number)})
    Instance.everywhere.bulk_create(rows)


def _rotate(*arguments: str) -> str:
    said = io.StringIO()
    call_command("rotate_keys", *arguments, stdout=said)
    return said.getvalue()


def _raw() -> list[bytes]:
    with connections[CREW].cursor() as cursor:
        cursor.execute("SELECT environment_variables FROM instances_instance ORDER BY id")
        return [bytes(row[0]) for row in cursor.fetchall()]


def test_every_value_has_a_key_of_its_own_and_a_rotation_leaves_it_sealed(ring: Ring) -> None:
    one, two = secrets.seal("same"), secrets.seal("same")
    assert one.rpartition(b".")[2] != two.rpartition(b".")[2]
    ring.hold(NEW, OLD)
    again = secrets.reseal(one)
    assert again.rpartition(b".")[2] == one.rpartition(b".")[2], "only the inner key is written anew"
    assert secrets.is_current(again) and not secrets.is_current(one)
    ring.hold(NEW)
    assert secrets.unseal(again) == "same"
    with pytest.raises(InvalidToken):
        secrets.unseal(one)
    with pytest.raises(InvalidToken):
        secrets.unseal(again[:-4] + b"AAAA")


def test_what_was_sealed_before_there_were_envelopes_still_opens_and_gets_one(ring: Ring) -> None:
    old = Fernet(OLD).encrypt(b'{"A":1}')
    assert secrets.unseal(old) == {"A": 1} and not secrets.is_current(old)
    assert secrets.is_current(secrets.reseal(old)) and secrets.unseal(secrets.reseal(old)) == {"A": 1}


def test_after_a_rotation_the_old_key_can_go(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_rotation, "BATCH", 4)
    _instances(10)
    ring.hold(NEW, OLD)
    with pytest.raises(CommandError, match="Not all"):
        _rotate("--check")
    said = _rotate()
    assert "instances_instance.environment_variables: 10 looked at, 10 resealed" in said
    ring.hold(NEW)
    values = {row.environment_variables["NUMBER"] for row in Instance.everywhere.all()}
    assert values == {str(number) for number in range(10)}
    before = _raw()
    assert "10 looked at, 0 resealed" in _rotate() and _raw() == before, "twice changes nothing"
    assert "All secrets are under the current key" in _rotate("--check")


def test_a_rotation_that_was_killed_goes_on_and_one_that_meets_a_writer_gives_way(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, "BATCH", 2)
    _instances(5)
    ring.hold(NEW, OLD)
    columns = key_rotation.rotate()
    while next(columns).table != "instances_instance":
        continue
    columns.close()  # as a kill would, after the first batch
    assert sorted(secrets.is_current(sealed) for sealed in _raw()) == [False, False, False, True, True]
    original = secrets.reseal

    def meanwhile(sealed: bytes) -> bytes:
        last = Instance.everywhere.order_by("pk").last()
        last.set_environment({"NUMBER": "written meanwhile"})
        last.save(using=CREW, update_fields=["environment_variables"])
        return original(sealed)

    monkeypatch.setattr(key_rotation, "reseal", meanwhile)
    _rotate()
    assert all(secrets.is_current(sealed) for sealed in _raw())
    assert Instance.everywhere.order_by("pk").last().environment_variables == {"NUMBER": "written meanwhile"}


def test_a_value_that_no_key_opens_is_told_and_left_alone(ring: Ring) -> None:
    _instances(2)
    before = _raw()
    ring.hold(NEW)
    with pytest.raises(CommandError, match="2 values open with none"):
        _rotate()
    assert _raw() == before


def test_every_sealed_column_is_found() -> None:
    found = {(table, column) for _, table, column in sealed_columns()}
    assert {
        ("instances_instance", "environment_variables"),
        ("instances_webhook", "keys"),
        ("sites_secondfactor", "sealed"),
        ("sites_keptanswer", "answer"),
    } <= found
