"""The admin's navigation: whose rows are shown, and the pages. What a member of staff may not open is not offered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse, reverse_lazy

from sites.admin_base import places_of, site_seen


def _may_see(model: str) -> Callable[[HttpRequest], bool]:
    def allowed(request: HttpRequest) -> bool:
        page = admin.site.get_model_admin(apps.get_model(model))
        return bool(page.has_view_permission(request) and page.has_module_permission(request))

    return allowed


def _entry(title: str, icon: str, model: str) -> dict[str, Any]:
    link = reverse_lazy(f"admin:{model.replace('.', '_').lower()}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": _may_see(model)}


def _link(title: str, icon: str, route: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(route)}


def place(request: HttpRequest) -> str:
    """The line below the title: the site whose rows are shown."""
    if not request.user.is_authenticated:
        return "Remote machines"
    site_id = site_seen(request)
    if site_id is None:
        return "All sites"
    here = places_of(request).get(site_id)
    return here.site.name if here else "No site"


def other_places(request: HttpRequest) -> list[dict[str, Any]]:
    """Behind the title, for members of several sites: where to choose one."""
    several = request.user.is_authenticated and site_seen(request) is not None and len(places_of(request)) > 1
    items = [("Dashboard", "monitoring", "admin:index"), ("Choose a site", "domain", "admin:choose_site")]
    return [{"title": title, "icon": icon, "link": reverse(route)} for title, icon, route in items] if several else []


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar; asked for by the theme for each page."""
    return [{**group, "items": [item for item in group["items"] if _is_offered(item, request)]} for group in _GROUPS]


def _is_offered(item: dict[str, Any], request: HttpRequest) -> bool:
    return "permission" not in item or bool(item["permission"](request))


_GROUPS: list[dict[str, Any]] = [
    {"items": [_link("Dashboard", "monitoring", "admin:index")]},
    {
        "title": "Where",
        "items": [
            _entry("Instances", "desktop_windows", "instances.Instance"),
            _entry("Templates", "layers", "instances.Template"),
            _entry("Versions of templates", "difference", "instances.TemplateVersion"),
            _entry("Schedules", "schedule", "instances.Schedule"),
            _entry("What schedules did", "event_repeat", "instances.Occurrence"),
            _entry("Browser states", "cookie", "instances.BrowserState"),
            _entry("Recordings", "movie", "instances.Recording"),
            _entry("Events", "history", "instances.Event"),
            _entry("Logs", "notes", "instances.Log"),
            _entry("Orphans", "device_unknown", "instances.Orphan"),
            _entry("Webhooks", "webhook", "instances.Webhook"),
            _entry("Deliveries", "outbox", "instances.WebhookDelivery"),
        ],
    },
    {"title": "What", "items": [_entry("Plans", "checklist", "plans.Plan")]},
    {
        "title": "Who",
        "items": [
            _entry("Sites", "domain", "sites.Site"),
            _entry("Users", "person", "sites.User"),
            _entry("Memberships", "badge", "sites.Membership"),
            _entry("Agents", "smart_toy", "sites.Agent"),
            _entry("API keys", "key", "sites.ApiKey"),
            _entry("Audit log", "policy", "sites.AuditEntry"),
            _entry("Groups of permissions", "group", "auth.Group"),
        ],
    },
    {
        "title": "Elsewhere",
        "items": [
            _link("Browse the API", "api", "root"),
            _link("API docs", "menu_book", "docs"),
            _link("Health", "ecg_heart", "health"),
        ],
    },
]
