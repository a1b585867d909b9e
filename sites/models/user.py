"""A person who signs in, by email. What they may do is said by their memberships."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models

from common.ids import new_id
from common.tenancy import CREW, everywhere_alias


class UserManager(BaseUserManager["User"]):
    """People of the whole platform: signing in happens before any site is known."""

    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().using(everywhere_alias())

    def with_email(self, email: str) -> models.QuerySet[User]:
        """Who has this email, in capitals or not. Not by `iexact`: in PostgreSQL's capitals `ı` is an `i` and `ſ` an
        `s`, so that two people's emails would be one."""
        return self.filter(email=email.lower())

    def get_by_natural_key(self, username: str | None) -> User:
        return self.with_email(username or "").get()

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A person; without a password they cannot sign in until one is set."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=CREW)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A platform operator: sees every site in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May open the admin site.")
    password_by_others = models.BooleanField(
        default=False,
        editable=False,
        help_text="Somebody of a site chose it, and may know it, until whoever reads the email chooses another.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.email
