"""The admin's site: each of its views is seen from where its user stands, and a member of several sites chooses one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.sites import UnfoldAdminSite

from common.admin import drawn, seen_from
from common.errors import NotFound
from common.tenancy import CREW
from sites import audit
from sites.admin_base import choose_site, places_of, site_seen
from sites.models import User

View = Callable[..., HttpResponseBase]


class PlatformAdminSite(UnfoldAdminSite):
    """Whatever is registered here, by whomever: its views run as the role of who asks, and as no other."""

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        drawn_view = drawn(view)

        @wraps(view)
        def seen(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with seen_from(site_seen(request)):
                return drawn_view(request, *args, **kwargs)

        guarded: View = super().admin_view(seen, cacheable)
        return guarded

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """One's own, by the present one."""
        with transaction.atomic(using=CREW):
            answer: HttpResponseBase = super().password_change(request, extra_context)
            if answer.status_code == 302:
                audit.record_of_person(cast(User, request.user), "password_changed")
        return answer

    def extra_urls(self) -> list[URLPattern]:
        return [path("site/", self.admin_view(self.choice_view), name="choose_site")]

    def choice_view(self, request: HttpRequest) -> HttpResponseBase:
        """GET shows the sites to choose from; POST of `site_id` looks at that one from now on."""
        if request.method == "POST":
            choose_site(request, _site_id(request))
            return HttpResponseRedirect(reverse("admin:index"))
        context = {
            **self.each_context(request),
            "title": "Choose a site",
            "places": places_of(request).values(),
            "seen": site_seen(request),
        }
        return TemplateResponse(request, "admin/choose_site.html", context)


class _Choice(forms.Form):
    site_id = forms.UUIDField()


def _site_id(request: HttpRequest) -> UUID:
    """Raises NotFound: it is none."""
    choice = _Choice(request.POST)
    if not choice.is_valid():
        raise NotFound("No such site.")
    chosen: UUID = choice.cleaned_data["site_id"]
    return chosen
