"""The demo: a site, its owner and a key, made once."""

from __future__ import annotations

import json
import stat
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from sites import keys
from sites.models import ApiKey, Site, User
from tests import make

pytestmark = pytest.mark.django_db

FIELDS = {"url", "api_key", "site_id", "user_id", "admin_email", "admin_password"}


def _ensured(path: Path) -> dict[str, str]:
    out = StringIO()
    call_command("ensure_demo", credentials=path, stdout=out)
    known = json.loads(path.read_text())
    assert known["api_key"] not in out.getvalue() and known["admin_password"] not in out.getvalue()
    assert {entry.name for entry in path.parent.iterdir()} == {path.name}
    return known


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "credentials.json"


def test_the_first_run_makes_all_and_only_its_owner_may_read_the_file(path: Path) -> None:
    known = _ensured(path)
    assert set(known) == FIELDS and known["url"] == settings.PUBLIC_URL
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    principal = keys.find_principal(known["api_key"])
    assert (str(principal.site_id), str(principal.user_id), principal.role) == (
        known["site_id"],
        known["user_id"],
        "owner",
    )
    owner = User.objects.get(email=known["admin_email"])
    assert owner.check_password(known["admin_password"]) and owner.is_staff and owner.is_superuser
    me = make.client_with(known["api_key"]).get("/api/me")
    assert me.status_code == 200


def test_a_second_run_changes_nothing(path: Path) -> None:
    first = _ensured(path)
    written = path.stat().st_mtime_ns
    assert _ensured(path) == first
    assert path.stat().st_mtime_ns == written
    assert (Site.objects.using("crew").count(), User.objects.count(), ApiKey.everywhere.count()) == (1, 1, 1)


def test_a_revoked_key_is_replaced_and_the_rest_kept(path: Path) -> None:
    first = _ensured(path)
    ApiKey.everywhere.update(revoked_at=timezone.now())
    keys.forget()
    second = _ensured(path)
    assert second.pop("api_key") != first.pop("api_key")
    assert second == first


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"api_key": 5}', '{"api_key": "x", "site_id": "y"}'])
def test_a_broken_or_lost_file_is_written_anew_for_the_same_site(path: Path, content: str) -> None:
    first = _ensured(path)
    path.write_text(content) if content else path.unlink()
    second = _ensured(path)
    assert (second["site_id"], second["user_id"]) == (first["site_id"], first["user_id"])
    assert keys.find_principal(second["api_key"])
    assert User.objects.get().check_password(second["admin_password"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_address_is_written_and_the_key_kept(path: Path, settings: object) -> None:
    first = _ensured(path)
    settings.PUBLIC_URL = "https://desks.example"
    assert _ensured(path) == {**first, "url": "https://desks.example"}
