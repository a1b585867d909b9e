"""The second wall behind the admin: pages that forget their filter show a site's own people nothing of another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import models
from django.test import Client
from django.urls import reverse

from common.tenancy import CREW
from sites.models import Agent, Site, User
from tests import make
from tests.counts import tried
from tests.walls.document import Place
from tests.walls.forgetful import MODELS, keys_of
from tests.walls.test_tables import NOUNS

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Tenant:
    place: Place
    staff: User
    browser: Client

    @property
    def words(self) -> set[str]:
        """The ids of all that is of this site alone, the site's own among them."""
        return {str(row) for model in MODELS for row in self.rows(model)}

    def rows(self, model: type[models.Model]) -> set[Any]:
        rows = models.QuerySet(model, using=CREW)
        if model is LogEntry:
            return set(rows.filter(user=self.staff).values_list("object_id", flat=True))
        if model is User:
            return set(rows.filter(pk=self.staff.pk).values_list("pk", flat=True))
        place = {"pk": self.place.site.pk} if model is Site else {"site_id": self.place.site.pk}
        return set(rows.filter(**place).values_list("pk", flat=True))


@pytest.fixture
def tenants(settings: Any) -> tuple[Tenant, Tenant]:
    """Two sites with a row of each kind, each with a member of staff who has changed something in the admin."""
    settings.ROOT_URLCONF = "tests.walls.forgetful"
    ours, theirs = _tenant(NOUNS), _tenant(NOUNS)
    for tenant in (ours, theirs):
        agent = Agent.everywhere.filter(site=tenant.place.site)[0]
        changed = tenant.browser.post(_url(Agent, "change", agent.pk), {"name": f"of {agent.pk}", "is_active": "on"})
        assert changed.status_code == 302
    return ours, theirs


@pytest.fixture
def tenant(settings: Any) -> Tenant:
    """A site with nothing in it but a member of staff."""
    settings.ROOT_URLCONF = "tests.walls.forgetful"
    return _tenant(nouns=[])


def _tenant(nouns: list[str]) -> Tenant:
    place = Place()
    for noun in nouns:
        place.row(noun)
    staff = make.member(place.site, "admin", who=make.user(is_staff=True)).user
    browser = Client(raise_request_exception=False)
    browser.force_login(staff)
    return Tenant(place, staff, browser)


def _url(model: type[models.Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def _told(answer: Any, foreign: set[str], *, but: str = "") -> set[str]:
    """The foreign ids in an answer; `but` is what the request itself had said."""
    text = answer.content.decode(errors="replace")
    return {word for word in foreign - {but} if word in text}


def test_pages_that_forget_their_filter_show_one_site(tenants: tuple[Tenant, Tenant]) -> None:
    ours, theirs = tenants
    foreign = theirs.words
    for model in MODELS:
        own, listed = ours.rows(model), ours.browser.get(_url(model, "changelist"))
        assert listed.status_code == 200, (model, listed.content[:500])
        assert not own or any(str(row) in listed.content.decode() for row in own), model
        for path in [_url(model, "changelist"), *_pages(model, own), *_questions(model, theirs)]:
            answer = ours.browser.get(path)
            assert not _told(answer, foreign, but=path.rpartition("=")[2]), (path, answer.status_code)
            tried("pages of a forgetful admin, held")
    for name in ("index", "jsi18n", "password_change", "search", "choose_site"):
        assert not _told(ours.browser.get(reverse(f"admin:{name}"), {"s": "a", "extended": ""}), foreign), name
        tried("pages of a forgetful admin, held")


def _pages(model: type[models.Model], own: set[Any]) -> list[str]:
    """The forms, whose choices and rows beside them come from other tables."""
    one = [] if model is LogEntry else list(own)[:1]
    return [_url(model, "add"), *(_url(model, page, row) for row in one for page in ("change", "history"))]


def _questions(model: type[models.Model], theirs: Tenant) -> list[str]:
    """Searches, filters and choices that ask for what is of the other site."""
    listed, kind = _url(model, "changelist"), f"app_label={model._meta.app_label}&model_name={model._meta.model_name}"
    asked = [f"{listed}?q={row}" for row in theirs.rows(model)]
    for field in keys_of(model):
        asked += [f"{listed}?{field}__id__exact={theirs.place.site.pk}"]
        asked += [f"{reverse('admin:autocomplete')}?{kind}&field_name={field}&term="]
    return asked


def test_pages_that_forget_their_filter_reach_one_site(tenants: tuple[Tenant, Tenant]) -> None:
    ours, theirs = tenants
    before = {model: theirs.rows(model) for model in MODELS}
    for model in MODELS:
        entries = LogEntry.objects.filter(user=theirs.staff)
        rows = [str(row) for row in (entries.values_list("pk", flat=True) if model is LogEntry else before[model])]
        for row in rows:
            for page in ("change", "delete", "history"):
                assert ours.browser.get(_url(model, page, row)).status_code == 302, (
                    model,
                    page,
                )  # as if there were none
            ours.browser.post(_url(model, "change", row), {"name": "taken", "title": "taken", "email": "taken@x.com"})
            ours.browser.post(_url(model, "delete", row), {"post": "yes"})
            tried("pages of a forgetful admin, held", 5)
        chosen = {"action": "delete_selected", "_selected_action": rows, "post": "yes"}
        ours.browser.post(_url(model, "changelist"), chosen)
        assert {each: theirs.rows(each) for each in MODELS} == before, model
    assert not Agent.everywhere.filter(name="taken").exists() and not User.objects.filter(email="taken@x.com").exists()


def test_its_own_rows_are_to_be_changed_there(tenant: Tenant) -> None:
    """What is refused above is refused for being another's: the same requests do their work at home."""
    agent = make.agent(tenant.place.site, "old")
    tenant.browser.post(_url(Agent, "change", agent.pk), {"name": "new", "is_active": "on"})
    assert Agent.everywhere.get(pk=agent.pk).name == "new"
    chosen = {"action": "delete_selected", "_selected_action": [str(agent.pk)], "post": "yes"}
    tenant.browser.post(_url(Agent, "changelist"), chosen)
    assert not Agent.everywhere.filter(pk=agent.pk).exists()


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_nobody_of_a_site_gives_themselves_the_platform(right: str, tenant: Tenant) -> None:
    """Not by a form that offers it: the database has no such right for their role."""
    colleague = make.member(tenant.place.site).user
    fields = {"email": colleague.email, "name": "Me", "password": colleague.password, "is_active": "on"}
    granted = tenant.browser.post(_url(User, "change", colleague.pk), {**fields, right: "on"})
    made = tenant.browser.post(_url(User, "add"), {**fields, "email": "new@example.com", right: "on"})
    assert (granted.status_code, made.status_code) == (403, 403)
    colleague.refresh_from_db()
    assert not getattr(colleague, right) and not User.objects.filter(email="new@example.com").exists()


def test_nobody_of_a_site_gives_it_more_than_operators_did(tenant: Tenant) -> None:
    site = tenant.place.site
    page = _url(Site, "change", site.pk)
    beside = re.findall(r'name="([^"]*-(?:TOTAL|INITIAL)_FORMS)"', tenant.browser.get(page).content.decode())
    fields = {"name": "Ours", "time_zone": "UTC", "quota_instances": "999999", "quota_per_type": "{}"}
    answer = tenant.browser.post(page, {**fields, **dict.fromkeys(beside, "0")})
    assert answer.status_code == 403, answer.context["errors"]
    assert Site.objects.using(CREW).get(pk=site.pk).quota_instances is None
