"""The routes of `sites`, mounted at `api/`."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from common.api.routing import Router
from sites.api import accounts, audit, pages, sign_in, views

router = Router()
router.register("sites", views.SiteViewSet, basename="site")
router.register("users", views.UserViewSet, basename="user")
router.register("memberships", views.MembershipViewSet, basename="membership")
router.register("invitations", accounts.InvitationViewSet, basename="invitation")
router.register("agents", views.AgentViewSet, basename="agent")
router.register("keys", views.KeyViewSet, basename="key")

# The namespace under which REST framework's pages look for them.
_session = [
    path("login", sign_in.SignInView.as_view(), name="login"),
    path("logout", LogoutView.as_view(next_page="/api/login"), name="logout"),
]

urlpatterns = [
    path("", include((_session, "rest_framework"))),
    path("second-factor", sign_in.SecondFactorView.as_view(), name="second-factor"),
    path("second-factor/setup", sign_in.SetUpView.as_view(), name="second-factor-setup"),
    path("join", pages.join, name="join"),
    path("forgot", pages.forgot, name="forgot"),
    path("reset", pages.reset, name="reset"),
    path("invitations/accept", accounts.AcceptInvitationView.as_view(), name="accept-invitation"),
    path("password-resets", accounts.PasswordResetView.as_view(), name="password-resets"),
    path("password-resets/confirm", accounts.ConfirmPasswordResetView.as_view(), name="confirm-password-reset"),
    path("me", views.MeView.as_view(), name="me"),
    path("users/me", views.OwnUserView.as_view(), name="own-user"),
    path("audit", audit.AuditViewSet.as_view({"get": "list"}), name="audit"),
    path("audit/export", audit.AuditExportView.as_view({"get": "export"}), name="audit-export"),
    path("tickets", views.TicketView.as_view(), name="tickets"),
    *router.urls,
]
