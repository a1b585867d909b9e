"""The routes of `sites`, mounted at `api/`."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from common.api.routing import Router
from sites.api import views

router = Router()
router.register("sites", views.SiteSites, basename="site")
router.register("users", views.SiteUsers, basename="user")
router.register("memberships", views.SiteMemberships, basename="membership")
router.register("agents", views.SiteAgents, basename="agent")
router.register("keys", views.SiteKeys, basename="key")

# The namespace under which REST framework's pages look for them.
_session = [
    path("login", LoginView.as_view(template_name="sites/login.html", redirect_authenticated_user=True), name="login"),
    path("logout", LogoutView.as_view(next_page="/api/login"), name="logout"),
]

urlpatterns = [
    path("", include((_session, "rest_framework"))),
    path("me", views.Me.as_view(), name="me"),
    path("users/me", views.OwnUser.as_view(), name="own-user"),
    path("tickets", views.Tickets.as_view(), name="tickets"),
    *router.urls,
]
