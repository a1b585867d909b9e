"""Plans, their steps and their events as JSON: what a client may send, and what it gets."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from common.api.serializers import NumberedEventSerializer, StrictModelSerializer, StrictSerializer
from plans.api import examples
from plans.models import Plan, PlanEvent, PlanStatus, PlanType
from plans.steps import STATUSES

TEXT = 10_000
STEPS_AT_MOST = 200
DEPENDENCIES_AT_MOST = 50


class Text(serializers.CharField):
    """Any text, kept as it was sent: what a shell said may end in a line break."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_blank": True, "trim_whitespace": False, "max_length": TEXT, **kwargs})


class StepSerializer(serializers.Serializer):
    """A step as it is answered."""

    id = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    order = serializers.IntegerField()
    status = serializers.ChoiceField(STATUSES)
    instructions = serializers.CharField(allow_blank=True)
    expected_output = serializers.CharField(allow_blank=True)
    actual_output = serializers.CharField(allow_blank=True)
    error_message = serializers.CharField(allow_blank=True)
    retry_count = serializers.IntegerField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """It lies in the row as it is answered."""
        return {str(name): instance[name] for name in self.fields}


@extend_schema_serializer(examples=[examples.CHANGED_STEP])
class ChangedStepSerializer(StrictSerializer):
    """The body of a step's PATCH."""

    title = serializers.CharField(max_length=300, required=False)
    description = Text(required=False)
    order = serializers.IntegerField(required=False, min_value=0, max_value=10_000)
    status = serializers.ChoiceField(STATUSES, required=False, help_text="Read as a wish along the steps' table.")
    instructions = Text(required=False)
    expected_output = Text(required=False)
    actual_output = Text(required=False)
    error_message = Text(required=False)


class SentStepSerializer(ChangedStepSerializer):
    """A step in a plan's body. With the id of a step that is there already it changes that one; else it is new."""

    tolerated = frozenset({"retry_count", "started_at", "completed_at"})
    id = serializers.RegexField(r"^[A-Za-z0-9._~-]{1,100}\Z", required=False)


class PlanSerializer(StrictModelSerializer):
    """A plan as it is answered."""

    site_id = serializers.UUIDField(read_only=True)
    instance_id = serializers.UUIDField(read_only=True)
    user_id = serializers.UUIDField(read_only=True)
    agent_id = serializers.UUIDField(read_only=True, allow_null=True)
    parent_id = serializers.UUIDField(read_only=True, allow_null=True)
    depends_on = serializers.ListField(child=serializers.UUIDField(), read_only=True, help_text="Plans it waits for.")
    blocks = serializers.ListField(child=serializers.UUIDField(), read_only=True, help_text="Plans that wait for it.")
    success_criteria = serializers.ListField(child=serializers.CharField(), read_only=True)
    steps = StepSerializer(many=True, read_only=True)

    class Meta:
        model = Plan
        fields = (
            "id",
            "site_id",
            "instance_id",
            "user_id",
            "agent_id",
            "parent_id",
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
            "steps_completed",
            "steps_total",
            "retry_count",
            "max_retries",
            "depends_on",
            "blocks",
            "error_message",
            "due_at",
            "created_at",
            "updated_at",
            "started_at",
            "completed_at",
        )
        read_only_fields = fields


class _PlanBody(StrictSerializer):
    title = serializers.CharField(max_length=300)
    description = Text()
    plan_type = serializers.ChoiceField(PlanType.choices)
    status = serializers.ChoiceField(
        PlanStatus.choices, help_text="Read as a wish along the lifecycle's table; 409 where it has no such move."
    )
    priority = serializers.IntegerField(min_value=1, max_value=10, help_text="1 to 10. Default 5.")
    instructions = Text()
    expected_output = Text()
    success_criteria = serializers.ListField(child=serializers.CharField(max_length=2000), max_length=100)
    steps = SentStepSerializer(many=True, max_length=STEPS_AT_MOST)  # type: ignore[call-arg] # the list takes it
    max_retries = serializers.IntegerField(min_value=0, max_value=100, help_text="Default 3.")
    depends_on = serializers.ListField(
        child=serializers.UUIDField(), max_length=DEPENDENCIES_AT_MOST, help_text="Plans of this site; no circles."
    )
    parent_id = serializers.UUIDField(allow_null=True, help_text="The plan that this one is a part of.")
    agent_id = serializers.UUIDField(allow_null=True, help_text="Default: the caller's, or else the instance's.")
    due_at = serializers.DateTimeField(allow_null=True)

    must_have: frozenset[str] = frozenset()

    def get_fields(self) -> dict[str, Any]:
        """Everything is optional, but for what a new plan must have."""
        fields = super().get_fields()
        for name, field in fields.items():
            field.required = name in self.must_have
        return fields


@extend_schema_serializer(examples=[examples.NEW_INSTANCE_PLAN])
class NewInstancePlanSerializer(_PlanBody):
    """The body of POST below an instance."""

    tolerated = frozenset({"site_id"})
    must_have = frozenset({"title", "plan_type"})


@extend_schema_serializer(examples=[examples.NEW_PLAN])
class NewPlanSerializer(NewInstancePlanSerializer):
    """The body of POST. `site_id` is read at the door; site and user are the instance's."""

    must_have = frozenset({"instance_id", "title", "plan_type"})
    instance_id = serializers.UUIDField()


@extend_schema_serializer(examples=[examples.CHANGED_PLAN])
class ChangedPlanSerializer(_PlanBody):
    """The body of PUT and PATCH, which mean the same: what is not sent stays.

    What an answer held besides may be sent back with it and changes nothing.
    """

    tolerated = frozenset(PlanSerializer.Meta.fields)


@extend_schema_serializer(examples=[examples.REASON])
class ReasonSerializer(StrictSerializer):
    """Why, in words for people."""

    reason = Text(required=False, help_text="Kept in the history.")


class PlanEventSerializer(NumberedEventSerializer):
    plan_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = PlanEvent
        fields = ("id", "plan_id", "number", "kind", "status_from", "status", "message", "data", "created_at")
        read_only_fields = fields
