"""What the admin's theme, django-unfold, is told: names, and who draws the sidebar and the dashboard."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static

SETTINGS: dict[str, Any] = {
    "SITE_TITLE": "Orchestrator",
    "SITE_HEADER": "Orchestrator",
    "SITE_SUBHEADER": "orchestrator.console.place",
    "SITE_SYMBOL": "desktop_windows",
    "STYLES": [lambda request: static("orchestrator/admin.css")],
    "SITE_FAVICONS": [{"rel": "icon", "href": "data:,"}],
    "SITE_URL": "/api/",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SITE_DROPDOWN": "orchestrator.console.other_places",
    "DASHBOARD_CALLBACK": "orchestrator.dashboard.show",
    "SIDEBAR": {"navigation": "orchestrator.console.navigation"},
}
