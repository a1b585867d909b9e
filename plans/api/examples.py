"""What the OpenAPI document shows as examples of plans."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

_STEP: dict[str, Any] = {
    "id": "sign-in",
    "title": "Sign in",
    "description": "",
    "order": 0,
    "status": "in_progress",
    "instructions": "Use the password that is stored in the browser.",
    "expected_output": "The dashboard is shown.",
    "actual_output": "",
    "error_message": "",
    "retry_count": 0,
    "started_at": "2026-05-04T09:30:05.000000Z",
    "completed_at": None,
}
_PLAN: dict[str, Any] = {
    "id": "019b1c2d-7e8f-7000-8000-000000000001",
    "site_id": "019b1c2d-7e8f-7000-8000-0000000000aa",
    "instance_id": "019b1c2d-7e8f-7000-8000-0000000000bb",
    "user_id": "019b1c2d-7e8f-7000-8000-0000000000cc",
    "agent_id": None,
    "parent_id": None,
    "title": "Fetch the invoices of May",
    "description": "",
    "plan_type": "task",
    "status": "in_progress",
    "priority": 7,
    "instructions": "",
    "expected_output": "All invoices as PDF in the home folder.",
    "success_criteria": ["One file for each invoice in the list"],
    "steps": [_STEP],
    "progress_percentage": 0,
    "steps_completed": 0,
    "steps_total": 1,
    "retry_count": 0,
    "max_retries": 3,
    "depends_on": [],
    "blocks": [],
    "error_message": "",
    "due_at": "2026-05-05T12:00:00.000000Z",
    "created_at": "2026-05-04T09:30:00.000000Z",
    "updated_at": "2026-05-04T09:30:05.000000Z",
    "started_at": "2026-05-04T09:30:05.000000Z",
    "completed_at": None,
}
_NEW: dict[str, Any] = {
    "title": "Fetch the invoices of May",
    "plan_type": "task",
    "priority": 7,
    "steps": [{"id": "sign-in", "title": "Sign in", "instructions": "Use the password stored in the browser."}],
}

PLAN = OpenApiExample("A plan under way", _PLAN, response_only=True)
NEW_INSTANCE_PLAN = OpenApiExample("A plan of one step", _NEW, request_only=True)
NEW_PLAN = OpenApiExample("A plan of one step", {"instance_id": _PLAN["instance_id"], **_NEW}, request_only=True)
CHANGED_PLAN = OpenApiExample("More urgent", {"priority": 9}, request_only=True)
CHANGED_STEP = OpenApiExample(
    "A step is done", {"status": "completed", "actual_output": "The dashboard is shown."}, request_only=True
)
REASON = OpenApiExample("Why", {"reason": "The shop is closed."}, request_only=True)
