"""The routes of `/v1/start`, `/v1/instances` and `/v1/instance`."""

from django.urls import path

from facades.sessions_v1 import acting, browser, views

_ONE = {
    "": views.OneSessionView,
    "/stop": views.StopSessionView,
    "/pause": views.PauseSessionView,
    "/resume": views.ResumeSessionView,
    "/stream_url": views.StreamUrlView,
    "/screenshot": acting.ScreenshotView,
    "/computer": acting.ComputerView,
    "/bash": acting.BashView,
    "/edit": acting.EditView,
    "/file": acting.FileView,
    "/upload": acting.UploadView,
    "/env": acting.EnvView,
    "/env/delete": acting.UnsetEnvView,
    "/browser/start": browser.StartBrowserView,
    "/browser/cdp_url": browser.CdpUrlView,
    "/browser/current_url": browser.CurrentUrlView,
    "/browser/save_auth": browser.SaveAuthView,
    "/browser/modify_auth": browser.ModifyAuthView,
    "/browser/authenticate": browser.AuthenticateView,
    "/browser/stop": browser.StopBrowserView,
}
urlpatterns = [
    path("start", views.StartView.as_view(), name="sessions-v1-start"),
    path("instances", views.SessionsView.as_view(), name="sessions-v1"),
    path("auth_states", browser.AuthStatesView.as_view(), name="sessions-v1-auth-states"),
    *(path(f"instance/<uuid:pk>{rest}", view.as_view()) for rest, view in _ONE.items()),
]
