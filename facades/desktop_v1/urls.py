"""The routes of `/v1/desktop`."""

from django.urls import path

from facades.desktop_v1.views import BashActionView, ComputerActionView, DesktopsView, DesktopView, StopDesktopView

urlpatterns = [
    path("desktop", DesktopsView.as_view(), name="desktop-v1"),
    path("desktop/<uuid:pk>", DesktopView.as_view(), name="desktop-v1-one"),
    path("desktop/<uuid:pk>/stop", StopDesktopView.as_view(), name="desktop-v1-stop"),
    path("desktop/<uuid:pk>/computer-action", ComputerActionView.as_view(), name="desktop-v1-act"),
    path("desktop/<uuid:pk>/bash-action", BashActionView.as_view(), name="desktop-v1-run"),
]
