"""`manage.py ensure_demo --credentials FILE`: a first site with an owner and a key, written where tools find them."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections, transaction

from common.errors import NotSignedIn
from common.tenancy import CREW
from sites.keys import find_principal, make_key
from sites.models import Membership, Site, User
from sites.roles import Role

EMAIL = "demo@example.com"
SITE_NAME = "Demo"
_ONE_AT_A_TIME = 0x64656D6F  # of an advisory lock


class Command(BaseCommand):
    """Called twice it changes nothing, as long as the file's key still works; else it makes a new key."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--credentials", type=Path, required=True, help="the JSON file to write, mode 0600")

    def handle(self, *, credentials: Path, **options: Any) -> None:
        with transaction.atomic(using=CREW):
            with connections[CREW].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
            known = _read(credentials)
            wanted = known if known is not None and _works(known) else _made(known or {})
        current = {**wanted, "url": settings.PUBLIC_URL}
        if current != known:
            _write(credentials, current)
        self.stdout.write(f"Site {current['site_id']}, owner {current['admin_email']}; the key is in {credentials}.")


def _works(known: dict[str, str]) -> bool:
    try:
        principal = find_principal(known["api_key"])
    except (KeyError, NotSignedIn):
        return False
    named = {str(principal.site_id), str(principal.user_id)} == {known.get("site_id"), known.get("user_id")}
    return named and "admin_email" in known and "admin_password" in known


def _made(known: dict[str, str]) -> dict[str, str]:
    """The demo's rows, those that are there already included. A password that we still know is kept."""
    user, password = _owner(known.get("admin_password"))
    site = _site(known.get("site_id"), user)
    _, secret = make_key(site_id=site.pk, user_id=user.pk, name="Demo", using=CREW)
    return {
        "api_key": secret,
        "site_id": str(site.pk),
        "user_id": str(user.pk),
        "admin_email": user.email,
        "admin_password": password,
    }


def _owner(password: str | None) -> tuple[User, str]:
    user = User.objects.filter(email=EMAIL).first()
    if user is not None and password and user.check_password(password) and user.is_active:
        return user, password
    password = secrets.token_urlsafe(15)
    if user is None:
        return User.objects.create_superuser(EMAIL, password, name="Demo Owner"), password
    user.set_password(password)
    user.is_active = user.is_staff = user.is_superuser = True
    user.save(using=CREW)
    return user, password


def _site(wanted: str | None, user: User) -> Site:
    """The demo's site, which is the one in the file, or else its owner's oldest."""
    places = Membership.everywhere.filter(user=user, role=Role.OWNER, site__is_active=True).order_by("id")
    place = next((known for known in places if str(known.site_id) == wanted), places.first())
    if place is not None:
        return Site.objects.using(CREW).get(pk=place.site_id)
    site = Site(name=SITE_NAME)
    site.save(using=CREW)
    Membership(site=site, user=user, role=Role.OWNER).save(using=CREW)
    return site


def _read(path: Path) -> dict[str, str] | None:
    try:
        known = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    whole = isinstance(known, dict) and all(isinstance(value, str) for value in known.values())
    return known if whole else None


def _write(path: Path, credentials: dict[str, str]) -> None:
    """Whole or not at all, and at no time readable by others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".credentials-")
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(credentials, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
