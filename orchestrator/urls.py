"""Every HTTP route, by the room that serves it. Each takes a trailing slash or none."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from common.api.handlers import bad_request, server_error, unknown_route
from orchestrator import metrics
from orchestrator.described import DocsView, SchemaView
from orchestrator.health import HealthView
from orchestrator.refusals import not_found, permission_denied
from orchestrator.root import RootView
from sites.api.sign_in import admin_login

urlpatterns = [
    path("api/", include("instances.api.urls")),  # first: routes are tried in turn, and none is asked for more often
    path("admin/login/", admin_login),
    path("admin/", admin.site.urls),
    path("api/", RootView.as_view(), name="root"),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", DocsView.as_view(), name="docs"),
    path("metrics", metrics.show, name="metrics"),
    path("api/system/health", HealthView.as_view(), name="health"),
    path("api/", include("sites.api.urls")),
    path("api/", include("plans.api.urls")),
    path("", include("instances.api.viewer")),
    path("", include("instances.api.replayer")),
    path("v1/", include("facades.desktop_v1.urls")),
    path("v1/", include("facades.sessions_v1.urls")),
    path("", RedirectView.as_view(pattern_name="root")),
    re_path(r"^(api|v1)/", unknown_route),
]
handler400, handler403, handler404, handler500 = bad_request, permission_denied, not_found, server_error
