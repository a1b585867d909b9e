"""The routes of plans, mounted at `api/`."""

from __future__ import annotations

from django.urls import path

from common.api.routing import Router
from plans.api.history import PlanEventsView
from plans.api.views import InstancePlansView, PlanViewSet

router = Router()
router.register("plans", PlanViewSet, basename="plan")

urlpatterns = [
    path("instances/<uuid:pk>/plans", InstancePlansView.as_view(), name="instance-plans"),
    path("plans/<uuid:pk>/events", PlanEventsView.as_view(), name="plan-events"),
    *router.urls,
]
