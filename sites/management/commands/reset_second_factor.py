"""`manage.py reset_second_factor EMAIL`: let somebody in who lost their app and their recovery codes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sites import second_factor
from sites.models import User


class Command(BaseCommand):
    help = "Remove a person's second factor. Make sure first that it is them who asks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.with_email(options["email"]).first()
        if user is None:
            raise CommandError("Nobody has this email.")
        removed = second_factor.remove(user)
        self.stdout.write("Removed." if removed else "They had none.")
