"""Plans as JSON."""

from __future__ import annotations

from rest_framework import serializers

from common.api.serializers import StrictModelSerializer, StrictSerializer
from plans.models import Plan, PlanStatus, PlanType

STEP_STATUSES = ["pending", "in_progress", "completed", "failed", "skipped"]


class StepSerializer(StrictSerializer):
    """One step of a plan."""

    id = serializers.CharField(max_length=100, required=False)
    title = serializers.CharField(max_length=300)
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    order = serializers.IntegerField(required=False, min_value=0, max_value=10_000)
    status = serializers.ChoiceField(STEP_STATUSES, default="pending")
    instructions = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    expected_output = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class PlanSerializer(StrictModelSerializer):
    """A plan of an instance."""

    site_id = serializers.UUIDField(read_only=True)
    instance_id = serializers.UUIDField(read_only=True)
    user_id = serializers.UUIDField(read_only=True)
    agent_id = serializers.UUIDField(read_only=True, allow_null=True)
    plan_type = serializers.ChoiceField(PlanType.choices)
    status = serializers.ChoiceField(PlanStatus.choices, default=PlanStatus.PENDING)
    priority = serializers.IntegerField(min_value=1, max_value=10, default=5)
    steps = StepSerializer(many=True, required=False)
    success_criteria = serializers.ListField(
        child=serializers.CharField(max_length=2000), required=False, max_length=100
    )

    class Meta:
        model = Plan
        fields = (
            "id",
            "site_id",
            "instance_id",
            "user_id",
            "agent_id",
            "title",
            "description",
            "plan_type",
            "status",
            "priority",
            "instructions",
            "expected_output",
            "success_criteria",
            "steps",
            "progress_percentage",
            "error_message",
            "due_at",
            "created_at",
            "updated_at",
            "started_at",
            "completed_at",
        )
        read_only_fields = (
            "id",
            "progress_percentage",
            "error_message",
            "created_at",
            "updated_at",
            "started_at",
            "completed_at",
        )
