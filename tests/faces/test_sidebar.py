"""The admin's sidebar: each kind of row that has a list has its entry, so that nothing is reached by guessing."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.db.models import Model
from django.urls import reverse

from tests import make
from tests.faces.conftest import signed_in

pytestmark = pytest.mark.django_db


def test_an_operator_finds_every_list_in_the_sidebar() -> None:
    page = signed_in(make.user(is_staff=True, is_superuser=True)).get("/admin/").content.decode()
    offered = set(re.findall(r'href="([^"]+)"', page))
    assert [model._meta.label for model in admin.site._registry if _list_of(model) not in offered] == []


def _list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
