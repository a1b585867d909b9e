"""Every list can be filtered, searched, ordered and walked alike: a model's field that no filter knows fails here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Field
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern
from rest_framework.settings import api_settings

from common.api.keyset import PageOrCursor
from tests import make

SITE = "read at the door: a list shows one site"
TEXT = "free text, or an object of the caller's"
INNER = "our own book-keeping, shown to nobody"
NUMBER = "a count; nobody looks a row up by it"

SPEC = {
    **dict.fromkeys(["configuration", "startup_script", "environment_names"], TEXT),
    **dict.fromkeys(["required_variables", "tools_enabled"], "a list within a row"),
    **dict.fromkeys(["timeout_ms", "idle_stop_minutes"], NUMBER),
    "environment_variables": "sealed",
}
# Model: field: why no filter asks for it. A field that has a filter, or is gone, must not stand here.
UNFILTERED: dict[str, dict[str, str]] = {
    "sites.Site": {
        "log_retention_days": NUMBER,
        "is_active": "of an inactive site nobody is let in",
        **dict.fromkeys(["quota_instances", "quota_running", "quota_provisioning"], NUMBER),
        "quota_recordings_mib": NUMBER,
        **dict.fromkeys(["quota_actions_a_minute", "quota_per_type"], NUMBER),
    },
    "sites.User": {
        "password": INNER,
        "last_login": "not shown: it would tell a site when somebody works for another",
        "is_superuser": INNER,
        "is_staff": INNER,
        "password_by_others": INNER,
    },
    "sites.Membership": {"site": SITE},
    "sites.Invitation": {
        "site": SITE,
        "token_hash": INNER,
        "expires_at": "by `pending`",
        "accepted_at": "by `pending`",
        "revoked_at": "by `pending`",
        "mailed_at": "ordered by, not looked up",
        "mail_due_at": INNER,
        "mail_attempts": INNER,
    },
    "sites.AuditEntry": {"site": SITE, "details": TEXT},
    "sites.Agent": {"site": SITE, "description": "by `search`"},
    "sites.ApiKey": {
        "site": SITE,
        "key_hash": INNER,
        "scopes": "a list within a row",
        "revoked_at": "by `usable`",
        "last_used_at": "by `last_used_before`",
    },
    "instances.Instance": {
        "site": SITE,
        "configuration": TEXT,
        "environment_variables": "sealed",
        "environment_names": TEXT,
        "tools_enabled": "a list within a row",
        "status_reason": "by `search`",
        "last_screenshot_at": "ordered by, not looked up",
        "total_commands_executed": NUMBER,
        "started_at": "ordered by, not looked up",
        "stopped_at": "ordered by, not looked up",
        "deleted_at": "deleted ones are in no list",
        "timeout_ms": NUMBER,
        "idle_stop_minutes": NUMBER,
        "template_version": "of `template_id`",
        "startup_script": TEXT,
        "pooled": "a pool's unclaimed machines are in no list",
        "startup_due_at": INNER,
        "startup_boot_id": INNER,
        "startup_report": "told in the log and the history",
        "wish_reason": INNER,
        "active_until": INNER,
        **dict.fromkeys(["generation", "observed_generation", "restart_generation", "observed_restart"], INNER),
        **dict.fromkeys(
            ["status_since", "deadline_at", "incarnation", "asked_at", "handle", "boot_id", "guest_lost_at"], INNER
        ),
        **dict.fromkeys(["bootstrapped_incarnation", "bootstrap_claim"], INNER),
        **dict.fromkeys(["losses", "last_event", "lease_token", "lease_until", "look_again_at", "nudges"], INNER),
    },
    "instances.Template": {
        "site": SITE,
        "description": "by `search`",
        "version": "ordered by, not looked up",
        **dict.fromkeys(["pool_size", "pool_failures"], NUMBER),
        **dict.fromkeys(["pool_failed_at", "pool_open_until", "pool_reason"], "of a pool's bad days; shown"),
        **SPEC,
    },
    "instances.TemplateVersion": {
        "site": SITE,
        "template": "in the address",
        "on_timeout": "by the template",
        "record": "by the template",
        **SPEC,
    },
    "instances.BrowserState": {
        "site": SITE,
        "state": "sealed",
        **dict.fromkeys(["cookies", "origins"], NUMBER),
    },
    "instances.Schedule": {
        "site": SITE,
        "template_version": "of `template_id`",
        "last_at": "ordered by, not looked up",
        **dict.fromkeys(["count", "timeout_ms", "interval_s"], NUMBER),
        **dict.fromkeys(["cron", "time_zone"], TEXT),
    },
    "instances.Recording": {
        "site": SITE,
        "reason": "by `search`",
        "deleted_at": "deleted ones are in no list",
        "stop_asked_at": INNER,
        **dict.fromkeys(["max_fps", "quality", "max_minutes", "max_mib"], NUMBER),
        **dict.fromkeys(["frames", "actions", "bytes", "parts", "gaps"], NUMBER),
        **dict.fromkeys(["cursor_xid", "cursor_id", "lease_token", "lease_until"], INNER),
    },
    "instances.Occurrence": {
        "site": SITE,
        "schedule": "in the address",
        "instance_ids": "a list within a row",
        "problems": "by `search`",
    },
    "instances.Log": {
        "site": SITE,
        "id": "its time is `created_after`'s and `created_before`'s",
        "created_at": "by `created_after` and `created_before`",
        "message": "by `search`",
        "duration_ms": NUMBER,
        "xid": INNER,
        **dict.fromkeys(["details", "tool_args", "tool_result", "tokens_used", "artifacts"], TEXT),
    },
    "instances.Webhook": {
        "site": SITE,
        "description": "by `search`",
        "events": "a list within a row",
        "keys": "sealed",
        "disabled_at": "by `is_active`",
        "disabled_reason": TEXT,
        **dict.fromkeys(["cursor_xid", "cursor_id", "last_number", "paused_until"], INNER),
    },
    "instances.WebhookDelivery": {
        "site": SITE,
        "webhook": "in the address",
        "number": NUMBER,
        "payload": TEXT,
        "attempts": NUMBER,
        "tries": TEXT,
        "delivered_at": "by `status`",
        **dict.fromkeys(["is_extra", "next_attempt_at", "give_up_at", "lease_token"], INNER),
    },
    "plans.Plan": {
        "site": SITE,
        "title": "by `search`",
        "description": "by `search`",
        "instance_event": INNER,
        "last_event": INNER,
        "updated_at": "ordered by, not looked up",
        "started_at": "ordered by, not looked up",
        "completed_at": "ordered by, not looked up",
        **dict.fromkeys(["instructions", "expected_output", "success_criteria", "steps", "error_message"], TEXT),
        **dict.fromkeys(
            ["max_retries", "progress_percentage", "steps_completed", "steps_total", "retry_count"], NUMBER
        ),
    },
}


UNORDERED = {
    "sites.AuditEntry": "by time only, forwards and back by cursor",
    "instances.Log": "by time only, forwards and back by cursor: it has millions of rows",
}


def _routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        here = prefix + (str(pattern.pattern) if isinstance(pattern.pattern, RoutePattern) else "")
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern):
            yield here, pattern.callback


def _lists() -> dict[str, Any]:
    """View classes of lists with filters, by their path."""
    found = {}
    for path, callback in _routes(get_resolver().url_patterns):
        view = getattr(callback, "cls", None)
        actions = getattr(callback, "actions", None)
        shows_rows = actions.get("get") == "list" if actions else hasattr(view, "get")
        if shows_rows and getattr(view, "filterset_class", None) is not None:
            found[path] = view
    return found


LISTS = _lists()
# The site's whole list where there is one, else that beneath an instance.
_WHOLE_LAST = sorted(LISTS, key=lambda path: "<" not in path)
OF_MODEL = {LISTS[path].filterset_class._meta.model: LISTS[path] for path in _WHOLE_LAST}


def _filtered(view: Any) -> set[str]:
    return {declared.field_name.split("__")[0] for declared in view.filterset_class.base_filters.values()}


def _unexplained(fields: list[Field[Any, Any]], filtered: set[str], excluded: dict[str, str]) -> list[str]:
    return [field.name for field in fields if not {field.name, field.attname} & filtered and field.name not in excluded]


@pytest.mark.parametrize("model", OF_MODEL, ids=lambda model: model._meta.label)
def test_every_field_has_a_filter_or_a_reason(model: Any) -> None:
    view = OF_MODEL[model]
    excluded = UNFILTERED.get(model._meta.label, {})
    names = {field.name for field in model._meta.concrete_fields}
    assert _unexplained(model._meta.concrete_fields, _filtered(view), excluded) == []
    assert set(excluded) <= names, "a reason for a field that is gone"


@pytest.mark.parametrize("model", OF_MODEL, ids=lambda model: model._meta.label)
def test_every_list_can_be_searched_and_ordered_and_walked_by_cursor(model: Any) -> None:
    view = OF_MODEL[model]
    assert getattr(view, "search_fields", None) or "search" in view.filterset_class.base_filters
    assert "created_at" in getattr(view, "ordering_fields", ()) or model._meta.label in UNORDERED
    assert view.pagination_class is PageOrCursor is api_settings.DEFAULT_PAGINATION_CLASS


def test_a_field_without_filter_or_reason_would_be_found() -> None:
    fields = list(next(iter(OF_MODEL))._meta.concrete_fields)
    assert _unexplained(fields, set(), {}) == [field.name for field in fields]


def test_the_walk_sees_the_lists(capsys: pytest.CaptureFixture[str]) -> None:
    filters = sum(len(view.filterset_class.base_filters) for view in OF_MODEL.values())
    fields = sum(len(model._meta.concrete_fields) for model in OF_MODEL)
    with capsys.disabled():
        sys.stdout.write(f"\n{len(LISTS)} lists of {len(OF_MODEL)} models: {fields} fields, {filters} filters\n")
    assert len(LISTS) >= 8 and set(UNFILTERED) <= {model._meta.label for model in OF_MODEL}


@pytest.mark.django_db
@pytest.mark.parametrize("path", sorted(path for path in LISTS if "<" not in path))
def test_every_filter_search_and_order_of_a_list_is_answered(path: str) -> None:
    site = make.site()
    make.agent(site)
    client = make.client(site)
    view = LISTS[path]
    answers = [client.get(f"/{path}?cursor="), client.get(f"/{path}?search=a%20b")]
    ways = [way + name for name in getattr(view, "ordering_fields", ()) for way in ("", "-")]
    answers += [client.get(f"/{path}?ordering={way}&cursor=") for way in ways]
    filters = view.filterset_class.base_filters
    answers += [client.get(f"/{path}?{name}={_sample(kind)}") for name, kind in filters.items()]
    assert {answer.status_code for answer in answers} == {200}, [answer.content for answer in answers]
    refused = [client.get(f"/{path}?ordering=password"), client.get(f"/{path}?search={'x' * 201}")]
    assert [answer.status_code for answer in refused] == [400, 400]


def _sample(declared: Any) -> str:
    kind = type(declared).__name__
    if kind in {"ChoiceFilter", "ChoicesFilter"}:
        return declared.extra["choices"][0][0]
    samples = {
        "IdsFilter": f"{make.new_id()},{make.new_id()}",
        "UUIDFilter": str(make.new_id()),
        "IsoDateTimeFilter": "2026-01-31T12:00:00Z",
        "BooleanFilter": "true",
        "IntegerFilter": "5",
    }
    return samples.get(kind, "a")


@pytest.mark.parametrize("path", LISTS)
def test_no_filter_makes_a_list_distinct(path: str) -> None:
    """PostgreSQL would sort all that a site has before it gave the first page."""
    declared = LISTS[path].filterset_class.base_filters
    assert [name for name, known in declared.items() if known.distinct] == []
