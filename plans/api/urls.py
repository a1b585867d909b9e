"""The routes of plans."""

from django.urls import path

from plans.api.views import InstancePlansView

urlpatterns = [path("instances/<uuid:pk>/plans", InstancePlansView.as_view(), name="instance-plans")]
