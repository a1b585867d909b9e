"""What is sent: bodies and queries. Made from docs/openapi.yaml by generator/; not edited by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class AcceptedInvitationRequest(TypedDict):
    """
    Somebody new chooses a password; somebody who has an account by a password of their own sends none.
    """

    token: str
    name: NotRequired[str]
    password: NotRequired[str]


class AgentRequest(TypedDict):
    """
    A program that acts for a site.
    """

    name: str
    description: NotRequired[str]
    is_active: NotRequired[bool]


class Bash(TypedDict):
    """
    Run a command in a shell (bash; cmd on windows), in the user's home, with the instance's environment.
    """

    type: Literal["bash"]
    command: str
    timeout_s: NotRequired[float]


class BootstrapRequest(TypedDict):
    """
    A machine's first word: which it is, and what its first boot was told.
    """

    machine: str
    """
    The machine's name at its provider.
    """
    token: str
    """
    What the first boot was told.
    """
    claim: str
    """
    A secret of the guest's own making: who asks again is known by it.
    """


class Click(TypedDict):
    """
    Press and release a mouse button `count` times (2 is a double click), at x,y or where the pointer is.
    """

    type: Literal["click"]
    x: NotRequired[int | None]
    y: NotRequired[int | None]
    button: NotRequired[Literal["left", "middle", "right"]]
    count: NotRequired[int]
    action: NotRequired[Literal["click", "down", "up"]]
    modifiers: NotRequired[list[str]]
    """
    Keys held meanwhile.
    """


class CurrentUrl(TypedDict):
    """
    The address that the browser shows.
    """

    type: Literal["current_url"]


class CursorPosition(TypedDict):
    """
    Where the pointer is.
    """

    type: Literal["cursor_position"]


class Edit(TypedDict):
    """
    Look at a text file, or change it: `view`, `create`, `str_replace` (once, and only once), `insert`, `undo_edit`.

        The file is UTF-8 and has at most a mebibyte; it is replaced in one step.
    """

    type: Literal["edit"]
    command: Literal["create", "insert", "str_replace", "undo_edit", "view"]
    path: str
    """
    Absolute, or from the user's home; `~` is the home.
    """
    file_text: NotRequired[str | None]
    view_range: NotRequired[list[int] | None]
    old_str: NotRequired[str | None]
    new_str: NotRequired[str | None]
    insert_line: NotRequired[int | None]


class ExtensionRequest(TypedDict):
    """
    The body of an extension: from now on, so long. Without either, the instance's own time limit again.
    """

    timeout_ms: NotRequired[int]
    """
    Of each run. `null`: no limit.
    """
    timeout_hours: NotRequired[float]
    """
    The same, in hours.
    """


class GetEnvironment(TypedDict):
    """
    The instance's own variables, as its shells find them now.
    """

    type: Literal["get_environment"]


class ListFiles(TypedDict):
    """
    What lies in a folder, by name; at most a thousand of it.
    """

    type: Literal["list_files"]
    path: NotRequired[str]
    """
    Absolute, or from the user's home; `~` is the home.
    """


class LoadBrowserStateRequest(TypedDict):
    """
    Which saved state the browser gets.
    """

    browser_state_id: str


class LogRequest(TypedDict):
    """
    An entry of an instance's log.
    """

    parent_log: NotRequired[str | None]
    log_type: Literal[
        "system", "user_action", "agent_action", "tool_call", "tool_result", "error", "performance", "thinking"
    ]
    level: NotRequired[Literal["debug", "info", "warn", "error", "critical"]]
    message: str
    details: NotRequired[dict[str, Any]]
    tool_name: NotRequired[str]
    tool_call_id: NotRequired[str]
    tool_args: NotRequired[dict[str, Any]]
    tool_result: NotRequired[dict[str, Any]]
    is_error: NotRequired[bool]
    duration_ms: NotRequired[float | None]
    tokens_used: NotRequired[dict[str, Any]]
    artifacts: NotRequired[list[Any]]


class Move(TypedDict):
    """
    Move the pointer.
    """

    type: Literal["move"]
    x: int
    """
    Pixels from the left or the top edge.
    """
    y: int
    """
    Pixels from the left or the top edge.
    """


class Navigate(TypedDict):
    """
    Have the browser go to an address.
    """

    type: Literal["navigate"]
    url: str


class NewBrowserStateRequest(TypedDict):
    """
    The body of POST. `state` is shown to nobody again.
    """

    name: str
    state: dict[str, Any]
    """
    `cookies` and `origins`, as Playwright's `storage_state()`; 1 MiB at most.
    """


class NewInstanceRequest(TypedDict):
    """
    The body of POST. `site_id` is read at the door: a key has one site, a session may name one.
    """

    provider: NotRequired[str]
    """
    A provider's name. Default: the first one that fits.
    """
    region: NotRequired[str]
    """
    A region's name. Default: any.
    """
    timeout_ms: NotRequired[int | None]
    """
    Of each run. `null`: no limit.
    """
    timeout_hours: NotRequired[float | None]
    """
    The same, in hours.
    """
    configuration: NotRequired[dict[str, Any]]
    environment_variables: NotRequired[dict[str, str]]
    tools_enabled: NotRequired[list[Literal["bash", "computer", "edit"]]]
    startup_script: NotRequired[str]
    """
    Run by the machine's shell each time it comes up; its output goes into the log.
    """
    on_timeout: NotRequired[Literal["stop", "delete"]]
    """
    What the time limit does. Default: `stop`.
    """
    idle_stop_minutes: NotRequired[int | None]
    """
    Stop it when unused for so long. `null`: never.
    """
    record: NotRequired[bool]
    """
    Record each of its runs. Default: false.
    """
    name: str
    user_id: NotRequired[str]
    """
    A member of the site. Default: the caller.
    """
    agent_id: NotRequired[str | None]
    status: NotRequired[Literal["running", "stopped"]]
    """
    Read as a wish: `running` or `stopped`; it never sets the status.
    """
    site_id: NotRequired[str]
    instance_type: NotRequired[Literal["ubuntu", "browser", "windows"]]
    """
    Default: the template's, without one `browser`.
    """
    template: NotRequired[str]
    """
    A template's name or id, with `@version` for an older one. What the body says goes before it.
    """


class NewInvitationRequest(TypedDict):
    """
    Whom to invite, and as what.
    """

    email: str
    role: NotRequired[Literal["owner", "admin", "operator", "viewer"]]


class NewKeyRequest(TypedDict):
    """
    What a new key may do, and until when.
    """

    name: str
    scopes: NotRequired[
        list[
            Literal[
                "agents:read",
                "agents:write",
                "audit:read",
                "browser-states:read",
                "browser-states:write",
                "instances:act",
                "instances:read",
                "instances:write",
                "invitations:read",
                "invitations:write",
                "keys:read",
                "keys:write",
                "logs:read",
                "logs:write",
                "memberships:read",
                "memberships:write",
                "plans:read",
                "plans:write",
                "recordings:read",
                "recordings:write",
                "schedules:read",
                "schedules:write",
                "sites:read",
                "sites:write",
                "templates:read",
                "templates:write",
                "users:read",
                "users:write",
                "webhooks:read",
                "webhooks:write",
            ]
        ]
    ]
    """
    Left out or empty: all that the key's user may do; today, where that is not the caller.
    """
    user_id: NotRequired[str]
    """
    The member it acts for; by default, the caller.
    """
    agent_id: NotRequired[str | None]
    expires_at: NotRequired[datetime | str | None]


class NewMemberRequest(TypedDict):
    """
    A person who gets an account and a place in the site at once; without a password they ask for a new one.
    """

    email: str
    name: NotRequired[str]
    role: NotRequired[Literal["owner", "admin", "operator", "viewer"]]
    password: NotRequired[str]


class NewMembershipRequest(TypedDict):
    """
    Names a person by `user_id` or by `email`.
    """

    user_id: NotRequired[str]
    email: NotRequired[str]
    role: NotRequired[Literal["owner", "admin", "operator", "viewer"]]


class NewPasswordRequest(TypedDict):
    """
    The letter's token, and the password from now on.
    """

    token: str
    password: str


class NewRecordingRequest(TypedDict):
    """
    How to record. All of it may be left out.
    """

    max_fps: NotRequired[int]
    """
    Pictures a second while the screen changes. Default: 2.
    """
    quality: NotRequired[int]
    """
    Of the JPEGs. Default: 60.
    """
    max_minutes: NotRequired[int]
    """
    It ends then. Default: the most that may be.
    """
    max_mib: NotRequired[int]
    """
    It ends there. Default: the most that may be.
    """


class NewScheduleRequest(TypedDict):
    """
    When to do what: `cron` or `interval_s`, and an action.
    """

    timeout_ms: NotRequired[int | None]
    """
    Of each run. `null`: no limit.
    """
    timeout_hours: NotRequired[float | None]
    """
    The same, in hours.
    """
    name: str
    template_id: str
    template_version: NotRequired[int | None]
    action: Literal["start", "stop", "extend"]
    count: NotRequired[int]
    """
    How many to start. Default: 1.
    """
    cron: NotRequired[str]
    """
    Minute, hour, day of the month, month, day of the week.
    """
    interval_s: NotRequired[int | None]
    time_zone: NotRequired[str]
    """
    Of `cron`. Default: the site's.
    """
    paused: NotRequired[bool]


class NewTemplateRequest(TypedDict):
    """
    A template's first version; what is not sent is the default.
    """

    provider: NotRequired[str]
    """
    A provider's name. Default: the first one that fits.
    """
    region: NotRequired[str]
    """
    A region's name. Default: any.
    """
    timeout_ms: NotRequired[int | None]
    """
    Of each run. `null`: no limit.
    """
    timeout_hours: NotRequired[float | None]
    """
    The same, in hours.
    """
    configuration: NotRequired[dict[str, Any]]
    environment_variables: NotRequired[dict[str, str]]
    tools_enabled: NotRequired[list[Literal["bash", "computer", "edit"]]]
    startup_script: NotRequired[str]
    """
    Run by the machine's shell each time it comes up; its output goes into the log.
    """
    on_timeout: NotRequired[Literal["stop", "delete"]]
    """
    What the time limit does. Default: `stop`.
    """
    idle_stop_minutes: NotRequired[int | None]
    """
    Stop it when unused for so long. `null`: never.
    """
    record: NotRequired[bool]
    """
    Record each of its runs. Default: false.
    """
    name: str
    description: NotRequired[str]
    instance_type: NotRequired[Literal["ubuntu", "browser", "windows"]]
    pool_size: NotRequired[int]
    """
    How many machines are kept running for whoever asks next.
    """
    required_variables: NotRequired[list[str]]
    """
    Names whose values must come with each use.
    """


class NewWebhookRequest(TypedDict):
    """
    Where to send what happens, and which of it.
    """

    url: str
    """
    https://, to the public internet; other networks are the operator's to allow.
    """
    description: NotRequired[str]
    events: NotRequired[list[str]]
    """
    Kinds such as `instance.guest_ready`, or `instance.*`. Left out or empty: all.
    """
    is_active: NotRequired[bool]
    secret: NotRequired[str]
    """
    `whsec_` and 24 to 64 bytes in base64. Left out: one is made, and shown once.
    """


class PasswordResetRequest(TypedDict):
    """
    Whose password was forgotten.
    """

    email: str


class PatchedAgentRequest(TypedDict):
    """
    A program that acts for a site.
    """

    name: NotRequired[str]
    description: NotRequired[str]
    is_active: NotRequired[bool]


class PatchedChangedInstanceRequest(TypedDict):
    """
    The body of PUT and PATCH, which mean the same: what is not sent stays.
    """

    timeout_ms: NotRequired[int | None]
    """
    Of each run. `null`: no limit.
    """
    timeout_hours: NotRequired[float | None]
    """
    The same, in hours.
    """
    configuration: NotRequired[dict[str, Any]]
    environment_variables: NotRequired[dict[str, str]]
    tools_enabled: NotRequired[list[Literal["bash", "computer", "edit"]]]
    startup_script: NotRequired[str]
    """
    Run by the machine's shell each time it comes up; its output goes into the log.
    """
    on_timeout: NotRequired[Literal["stop", "delete"]]
    """
    What the time limit does. Default: `stop`.
    """
    idle_stop_minutes: NotRequired[int | None]
    """
    Stop it when unused for so long. `null`: never.
    """
    record: NotRequired[bool]
    """
    Record each of its runs. Default: false.
    """
    name: NotRequired[str]
    user_id: NotRequired[str]
    """
    A member of the site. Default: the caller.
    """
    agent_id: NotRequired[str | None]
    status: NotRequired[Literal["running", "stopped"]]
    """
    Read as a wish: `running` or `stopped`; it never sets the status.
    """


class PatchedChangedScheduleRequest(TypedDict):
    """
    The body of PUT and PATCH, which mean the same: what is not sent stays.
    """

    timeout_ms: NotRequired[int | None]
    """
    Of each run. `null`: no limit.
    """
    timeout_hours: NotRequired[float | None]
    """
    The same, in hours.
    """
    name: NotRequired[str]
    template_id: NotRequired[str]
    template_version: NotRequired[int | None]
    action: NotRequired[Literal["start", "stop", "extend"]]
    count: NotRequired[int]
    """
    How many to start. Default: 1.
    """
    cron: NotRequired[str]
    """
    Minute, hour, day of the month, month, day of the week.
    """
    interval_s: NotRequired[int | None]
    time_zone: NotRequired[str]
    """
    Of `cron`. Default: the site's.
    """
    paused: NotRequired[bool]


class PatchedChangedStepRequest(TypedDict):
    """
    The body of a step's PATCH.
    """

    title: NotRequired[str]
    description: NotRequired[str]
    order: NotRequired[int]
    status: NotRequired[Literal["pending", "in_progress", "completed", "failed", "skipped"]]
    """
    Read as a wish along the steps' table.
    """
    instructions: NotRequired[str]
    expected_output: NotRequired[str]
    actual_output: NotRequired[str]
    error_message: NotRequired[str]


class PatchedChangedTemplateRequest(TypedDict):
    """
    The body of PUT and PATCH, which mean the same: what is not sent stays. A changed spec is a new version.
    """

    provider: NotRequired[str]
    """
    A provider's name. Default: the first one that fits.
    """
    region: NotRequired[str]
    """
    A region's name. Default: any.
    """
    timeout_ms: NotRequired[int | None]
    """
    Of each run. `null`: no limit.
    """
    timeout_hours: NotRequired[float | None]
    """
    The same, in hours.
    """
    configuration: NotRequired[dict[str, Any]]
    environment_variables: NotRequired[dict[str, str]]
    tools_enabled: NotRequired[list[Literal["bash", "computer", "edit"]]]
    startup_script: NotRequired[str]
    """
    Run by the machine's shell each time it comes up; its output goes into the log.
    """
    on_timeout: NotRequired[Literal["stop", "delete"]]
    """
    What the time limit does. Default: `stop`.
    """
    idle_stop_minutes: NotRequired[int | None]
    """
    Stop it when unused for so long. `null`: never.
    """
    record: NotRequired[bool]
    """
    Record each of its runs. Default: false.
    """
    name: NotRequired[str]
    description: NotRequired[str]
    instance_type: NotRequired[Literal["ubuntu", "browser", "windows"]]
    pool_size: NotRequired[int]
    """
    How many machines are kept running for whoever asks next.
    """
    required_variables: NotRequired[list[str]]
    """
    Names whose values must come with each use.
    """


class PatchedMembershipRequest(TypedDict):
    """
    A person's place in a site, with a role.
    """

    role: NotRequired[Literal["owner", "admin", "operator", "viewer"]]


class PatchedOwnNameRequest(TypedDict):
    """
    What people change about themselves.
    """

    name: NotRequired[str]


class PatchedRenamedBrowserStateRequest(TypedDict):
    """
    The body of PUT and PATCH, which mean the same.
    """

    name: NotRequired[str]


class PatchedSiteRequest(TypedDict):
    """
    A team and all that is theirs: the tenant.
    """

    name: NotRequired[str]
    time_zone: NotRequired[str]
    """
    IANA name, for example Europe/Berlin.
    """
    log_retention_days: NotRequired[int | None]
    """
    Log entries older than this are deleted. Empty, or more than the platform's limit: that limit.
    """


class PatchedWebhookRequest(TypedDict):
    """
    A webhook without its secret, which no reply but the one to its making holds.
    """

    url: NotRequired[str]
    """
    https://, to the public internet; other networks are the operator's to allow.
    """
    description: NotRequired[str]
    events: NotRequired[list[str]]
    """
    Kinds such as `instance.guest_ready`, or `instance.*`. Left out or empty: all.
    """
    is_active: NotRequired[bool]


class PlacedLogRequest(TypedDict):
    """
    An entry that says itself which instance it is about.
    """

    instance_id: str
    parent_log: NotRequired[str | None]
    log_type: Literal[
        "system", "user_action", "agent_action", "tool_call", "tool_result", "error", "performance", "thinking"
    ]
    level: NotRequired[Literal["debug", "info", "warn", "error", "critical"]]
    message: str
    details: NotRequired[dict[str, Any]]
    tool_name: NotRequired[str]
    tool_call_id: NotRequired[str]
    tool_args: NotRequired[dict[str, Any]]
    tool_result: NotRequired[dict[str, Any]]
    is_error: NotRequired[bool]
    duration_ms: NotRequired[float | None]
    tokens_used: NotRequired[dict[str, Any]]
    artifacts: NotRequired[list[Any]]


class Point(TypedDict):
    x: int
    """
    Pixels from the left or the top edge.
    """
    y: int
    """
    Pixels from the left or the top edge.
    """


class Press(TypedDict):
    """
    Press keys together (`["ctrl", "c"]`), hold them `hold_ms`, release them; or only press or only release.
    """

    type: Literal["press"]
    keys: list[str]
    action: NotRequired[Literal["down", "press", "up"]]
    hold_ms: NotRequired[int]


class ReadFile(TypedDict):
    """
    A file's bytes, or a part of them.
    """

    type: Literal["read_file"]
    path: str
    """
    Absolute, or from the user's home; `~` is the home.
    """
    offset: NotRequired[int]
    length: NotRequired[int]


class ReasonRequest(TypedDict):
    """
    Why, in words for people.
    """

    reason: NotRequired[str]
    """
    Kept in the history.
    """


class SaveBrowserStateRequest(TypedDict):
    """
    What to call the state that is saved.
    """

    name: str
    replace: NotRequired[bool]
    """
    Put it in the place of one of that name.
    """


class Screenshot(TypedDict):
    """
    A picture of the whole screen.
    """

    type: Literal["screenshot"]
    format: NotRequired[Literal["jpeg", "png"]]
    quality: NotRequired[int]
    """
    Of a JPEG.
    """


class Scroll(TypedDict):
    """
    Turn the wheel by `amount` clicks, at x,y or where the pointer is.
    """

    type: Literal["scroll"]
    direction: Literal["down", "left", "right", "up"]
    amount: NotRequired[int]
    x: NotRequired[int | None]
    y: NotRequired[int | None]


class SentStepRequest(TypedDict):
    """
    A step in a plan's body. With the id of a step that is there already it changes that one; else it is new.
    """

    title: NotRequired[str]
    description: NotRequired[str]
    order: NotRequired[int]
    status: NotRequired[Literal["pending", "in_progress", "completed", "failed", "skipped"]]
    """
    Read as a wish along the steps' table.
    """
    instructions: NotRequired[str]
    expected_output: NotRequired[str]
    actual_output: NotRequired[str]
    error_message: NotRequired[str]
    id: NotRequired[str]


class SetEnvironment(TypedDict):
    """
    Set variables for the shells, and keep them with the instance.
    """

    type: Literal["set_environment"]
    variables: dict[str, str]


class Type(TypedDict):
    """
    Type a text, any Unicode. `auto` takes keys for short plain text and the clipboard for the rest.
    """

    type: Literal["type"]
    text: str
    method: NotRequired[Literal["auto", "keys", "paste"]]


class UnsetEnvironment(TypedDict):
    """
    Take variables away; one that is not there is no error.
    """

    type: Literal["unset_environment"]
    names: list[str]


class Wait(TypedDict):
    """
    Let time pass.
    """

    type: Literal["wait"]
    duration_ms: NotRequired[int]


class WriteFile(TypedDict):
    """
    Write a file, in one step: readers see the old one or the new one. Its folders are made where they are missing.

        Either `content`, a text, or `data`, bytes in base64. `append` adds to what is there.
    """

    type: Literal["write_file"]
    path: str
    """
    Absolute, or from the user's home; `~` is the home.
    """
    content: NotRequired[str | None]
    data: NotRequired[str | None]
    append: NotRequired[bool]


class ListAgentsQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    is_active: NotRequired[bool]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    name: NotRequired[str]
    name__icontains: NotRequired[str]
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `updated_at`, `name`, with commas between; `-` in front for downwards.
    """
    search: NotRequired[str]
    """
    Words that must all occur in `name`, `description`.
    """
    updated_after: NotRequired[datetime | str]


class ListAuditQuery(TypedDict):
    action: NotRequired[str]
    action__startswith: NotRequired[str]
    address: NotRequired[str]
    agent_id: NotRequired[str]
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    key_id: NotRequired[str]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    request_id: NotRequired[str]
    search: NotRequired[str]
    """
    Words that must all occur in `action`, `target_name`.
    """
    target_id: NotRequired[str]
    target_name: NotRequired[str]
    target_type: NotRequired[str]
    user_id: NotRequired[str]
    via: NotRequired[str]


class ListBrowserStatesQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    created_by: NotRequired[str]
    host: NotRequired[str]
    """
    Whose cookies or storage it has
    """
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    instance_id: NotRequired[str]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    name: NotRequired[str]
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `updated_at`, `name`, with commas between; `-` in front for downwards.
    """
    search: NotRequired[str]
    """
    Words that must all occur in `name`.
    """
    updated_after: NotRequired[datetime | str]


class ListInstancesQuery(TypedDict):
    active_before: NotRequired[datetime | str]
    agent_id: NotRequired[str]
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    created_by: NotRequired[str]
    desired_state: NotRequired[
        Literal["deleted", "paused", "running", "stopped"] | list[Literal["deleted", "paused", "running", "stopped"]]
    ]
    expires_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    instance_type: NotRequired[Literal["browser", "ubuntu", "windows"] | list[Literal["browser", "ubuntu", "windows"]]]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    name: NotRequired[str]
    on_timeout: NotRequired[Literal["delete", "stop"] | list[Literal["delete", "stop"]]]
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `updated_at`, `name`, `status`, `last_activity_at`, `started_at`, `stopped_at`, `expires_at`, with commas between; `-` in front for downwards.
    """
    provider: NotRequired[str]
    record: NotRequired[bool]
    region: NotRequired[str]
    search: NotRequired[str]
    """
    Words that must all occur in `name`, `status_reason`.
    """
    status: NotRequired[
        Literal[
            "deleted",
            "deleting",
            "error",
            "paused",
            "pending",
            "provisioning",
            "running",
            "starting",
            "stopped",
            "stopping",
        ]
        | list[
            Literal[
                "deleted",
                "deleting",
                "error",
                "paused",
                "pending",
                "provisioning",
                "running",
                "starting",
                "stopped",
                "stopping",
            ]
        ]
    ]
    template_id: NotRequired[str]
    updated_after: NotRequired[datetime | str]
    user_id: NotRequired[str]


class ListInstanceEventsQuery(TypedDict):
    after: NotRequired[int]
    """
    Only events with a greater number.
    """
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    limit: NotRequired[int]
    """
    How many results to return.
    """


class GetInstanceFileQuery(TypedDict):
    length: NotRequired[int]
    """
    At most, and by default, 16777216.
    """
    path: str
    """
    Absolute, or from the user's home.
    """


class UpdateInstanceFileQuery(TypedDict):
    append: NotRequired[bool]
    """
    Add to the file's end. Default false.
    """
    path: str
    """
    Absolute, or from the user's home.
    """


class ListInstanceLogsQuery(TypedDict):
    agent_id: NotRequired[str]
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    is_error: NotRequired[bool]
    level: NotRequired[
        Literal["critical", "debug", "error", "info", "warn"]
        | list[Literal["critical", "debug", "error", "info", "warn"]]
    ]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    log_type: NotRequired[
        Literal["agent_action", "error", "performance", "system", "thinking", "tool_call", "tool_result", "user_action"]
        | list[
            Literal[
                "agent_action", "error", "performance", "system", "thinking", "tool_call", "tool_result", "user_action"
            ]
        ]
    ]
    parent_log: NotRequired[str]
    search: NotRequired[str]
    """
    In the message or the tool's name
    """
    tool_call_id: NotRequired[str]
    tool_name: NotRequired[str]
    user_id: NotRequired[str]


class GetInstanceLogTailQuery(TypedDict):
    last: NotRequired[int]
    """
    Begin with so many of the newest entries that there are.
    """
    level: NotRequired[
        Literal["critical", "debug", "error", "info", "warn"]
        | list[Literal["critical", "debug", "error", "info", "warn"]]
    ]
    """
    Any of these; may be repeated.
    """
    log_type: NotRequired[
        Literal["agent_action", "error", "performance", "system", "thinking", "tool_call", "tool_result", "user_action"]
        | list[
            Literal[
                "agent_action", "error", "performance", "system", "thinking", "tool_call", "tool_result", "user_action"
            ]
        ]
    ]
    """
    Any of these; may be repeated.
    """


class ListInstancePlansQuery(TypedDict):
    agent_id: NotRequired[str]
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    depends_on: NotRequired[str]
    """
    Waits for this plan
    """
    due_after: NotRequired[datetime | str]
    due_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    instance_id: NotRequired[str]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `updated_at`, `priority`, `due_at`, `progress_percentage`, `title`, with commas between; `-` in front for downwards.
    """
    overdue: NotRequired[bool]
    parent_id: NotRequired[str]
    plan_type: NotRequired[
        Literal["milestone", "objective", "task", "verification"]
        | list[Literal["milestone", "objective", "task", "verification"]]
    ]
    priority: NotRequired[int]
    priority_at_least: NotRequired[int]
    search: NotRequired[str]
    """
    Words that must all occur in `title`, `description`.
    """
    status: NotRequired[
        Literal["blocked", "cancelled", "completed", "failed", "in_progress", "paused", "pending"]
        | list[Literal["blocked", "cancelled", "completed", "failed", "in_progress", "paused", "pending"]]
    ]
    user_id: NotRequired[str]


class ListInstanceRecordingsQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    created_by: NotRequired[str]
    ended_after: NotRequired[datetime | str]
    expires_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    limit: NotRequired[int]
    """
    How many results to return.
    """
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `started_at`, `ended_at`, `bytes`, with commas between; `-` in front for downwards.
    """
    search: NotRequired[str]
    """
    Words that must all occur in `reason`.
    """
    started_after: NotRequired[datetime | str]
    started_before: NotRequired[datetime | str]
    status: NotRequired[
        Literal["finished", "interrupted", "recording", "waiting"]
        | list[Literal["finished", "interrupted", "recording", "waiting"]]
    ]
    updated_after: NotRequired[datetime | str]


class GetInstanceScreenshotQuery(TypedDict):
    quality: NotRequired[int]
    """
    Of a JPEG: 1 to 100. Default 80.
    """


class GetInstanceViewQuery(TypedDict):
    mode: NotRequired[Literal["drive", "watch"]]
    """
    At most. Default: the most you may.
    """


class GetInstanceWaitQuery(TypedDict):
    status: NotRequired[
        Literal[
            "deleted",
            "deleting",
            "error",
            "paused",
            "pending",
            "provisioning",
            "running",
            "starting",
            "stopped",
            "stopping",
        ]
    ]
    timeout_s: NotRequired[float]
    """
    0 to 300. Default 60.
    """


class ListInvitationsQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    email: NotRequired[str]
    email__icontains: NotRequired[str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    invited_by: NotRequired[str]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `expires_at`, `email`, with commas between; `-` in front for downwards.
    """
    pending: NotRequired[bool]
    role: NotRequired[
        Literal["admin", "operator", "owner", "viewer"] | list[Literal["admin", "operator", "owner", "viewer"]]
    ]
    search: NotRequired[str]
    """
    Words that must all occur in `email`.
    """


class ListKeysQuery(TypedDict):
    agent_id: NotRequired[str]
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    expires_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    last_used_before: NotRequired[datetime | str]
    """
    Not used since that moment, or never
    """
    limit: NotRequired[int]
    """
    How many results to return.
    """
    name: NotRequired[str]
    name__icontains: NotRequired[str]
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `name`, `expires_at`, `last_used_at`, with commas between; `-` in front for downwards.
    """
    prefix: NotRequired[str]
    search: NotRequired[str]
    """
    Words that must all occur in `name`, `prefix`.
    """
    usable: NotRequired[bool]
    user_id: NotRequired[str]


class ListLogsQuery(TypedDict):
    agent_id: NotRequired[str]
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    instance_id: NotRequired[str]
    is_error: NotRequired[bool]
    level: NotRequired[
        Literal["critical", "debug", "error", "info", "warn"]
        | list[Literal["critical", "debug", "error", "info", "warn"]]
    ]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    log_type: NotRequired[
        Literal["agent_action", "error", "performance", "system", "thinking", "tool_call", "tool_result", "user_action"]
        | list[
            Literal[
                "agent_action", "error", "performance", "system", "thinking", "tool_call", "tool_result", "user_action"
            ]
        ]
    ]
    parent_log: NotRequired[str]
    search: NotRequired[str]
    """
    In the message or the tool's name
    """
    tool_call_id: NotRequired[str]
    tool_name: NotRequired[str]
    user_id: NotRequired[str]


class GetLogTailQuery(TypedDict):
    last: NotRequired[int]
    """
    Begin with so many of the newest entries that there are.
    """
    level: NotRequired[
        Literal["critical", "debug", "error", "info", "warn"]
        | list[Literal["critical", "debug", "error", "info", "warn"]]
    ]
    """
    Any of these; may be repeated.
    """
    log_type: NotRequired[
        Literal["agent_action", "error", "performance", "system", "thinking", "tool_call", "tool_result", "user_action"]
        | list[
            Literal[
                "agent_action", "error", "performance", "system", "thinking", "tool_call", "tool_result", "user_action"
            ]
        ]
    ]
    """
    Any of these; may be repeated.
    """


class ListMembershipsQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    limit: NotRequired[int]
    """
    How many results to return.
    """
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `role`, with commas between; `-` in front for downwards.
    """
    role: NotRequired[
        Literal["admin", "operator", "owner", "viewer"] | list[Literal["admin", "operator", "owner", "viewer"]]
    ]
    search: NotRequired[str]
    """
    Words that must all occur in `user.email`, `user.name`.
    """
    user_id: NotRequired[str]


class ListPlansQuery(TypedDict):
    agent_id: NotRequired[str]
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    depends_on: NotRequired[str]
    """
    Waits for this plan
    """
    due_after: NotRequired[datetime | str]
    due_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    instance_id: NotRequired[str]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `updated_at`, `priority`, `due_at`, `progress_percentage`, `title`, with commas between; `-` in front for downwards.
    """
    overdue: NotRequired[bool]
    parent_id: NotRequired[str]
    plan_type: NotRequired[
        Literal["milestone", "objective", "task", "verification"]
        | list[Literal["milestone", "objective", "task", "verification"]]
    ]
    priority: NotRequired[int]
    priority_at_least: NotRequired[int]
    search: NotRequired[str]
    """
    Words that must all occur in `title`, `description`.
    """
    status: NotRequired[
        Literal["blocked", "cancelled", "completed", "failed", "in_progress", "paused", "pending"]
        | list[Literal["blocked", "cancelled", "completed", "failed", "in_progress", "paused", "pending"]]
    ]
    user_id: NotRequired[str]


class ListPlanEventsQuery(TypedDict):
    after: NotRequired[int]
    """
    Only events with a greater number.
    """
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    limit: NotRequired[int]
    """
    How many results to return.
    """


class ListRecordingsQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    created_by: NotRequired[str]
    ended_after: NotRequired[datetime | str]
    expires_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    instance_id: NotRequired[str]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `started_at`, `ended_at`, `bytes`, with commas between; `-` in front for downwards.
    """
    search: NotRequired[str]
    """
    Words that must all occur in `reason`.
    """
    started_after: NotRequired[datetime | str]
    started_before: NotRequired[datetime | str]
    status: NotRequired[
        Literal["finished", "interrupted", "recording", "waiting"]
        | list[Literal["finished", "interrupted", "recording", "waiting"]]
    ]
    updated_after: NotRequired[datetime | str]


class ListSchedulesQuery(TypedDict):
    action: NotRequired[Literal["extend", "start", "stop"] | list[Literal["extend", "start", "stop"]]]
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    due_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    limit: NotRequired[int]
    """
    How many results to return.
    """
    name: NotRequired[str]
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `updated_at`, `name`, `next_at`, `last_at`, with commas between; `-` in front for downwards.
    """
    paused: NotRequired[bool]
    search: NotRequired[str]
    """
    Words that must all occur in `name`.
    """
    template_id: NotRequired[str]
    updated_after: NotRequired[datetime | str]
    user_id: NotRequired[str]


class ListScheduleOccurrencesQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    due_after: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    limit: NotRequired[int]
    """
    How many results to return.
    """
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `due_at`, with commas between; `-` in front for downwards.
    """
    search: NotRequired[str]
    """
    Words that must all occur in `problems`.
    """
    status: NotRequired[
        Literal["done", "failed", "nothing", "partly"] | list[Literal["done", "failed", "nothing", "partly"]]
    ]
    trigger: NotRequired[Literal["asked", "catch_up", "due"] | list[Literal["asked", "catch_up", "due"]]]


class ListSitesQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    limit: NotRequired[int]
    """
    How many results to return.
    """
    name: NotRequired[str]
    name__icontains: NotRequired[str]
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `updated_at`, `name`, with commas between; `-` in front for downwards.
    """
    search: NotRequired[str]
    """
    Words that must all occur in `name`.
    """
    time_zone: NotRequired[str]
    updated_after: NotRequired[datetime | str]


class ListTemplatesQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    created_by: NotRequired[str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    instance_type: NotRequired[Literal["browser", "ubuntu", "windows"] | list[Literal["browser", "ubuntu", "windows"]]]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    name: NotRequired[str]
    on_timeout: NotRequired[Literal["delete", "stop"] | list[Literal["delete", "stop"]]]
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `updated_at`, `name`, `version`, with commas between; `-` in front for downwards.
    """
    provider: NotRequired[str]
    record: NotRequired[bool]
    region: NotRequired[str]
    search: NotRequired[str]
    """
    Words that must all occur in `name`, `description`.
    """
    updated_after: NotRequired[datetime | str]


class ListTemplateVersionsQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    created_by: NotRequired[str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    instance_type: NotRequired[Literal["browser", "ubuntu", "windows"] | list[Literal["browser", "ubuntu", "windows"]]]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    number: NotRequired[int]
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `number`, with commas between; `-` in front for downwards.
    """
    provider: NotRequired[str]
    region: NotRequired[str]
    search: NotRequired[str]
    """
    Words that must all occur in `startup_script`.
    """


class ListUsersQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    email: NotRequired[str]
    email__icontains: NotRequired[str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    is_active: NotRequired[bool]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    name: NotRequired[str]
    name__icontains: NotRequired[str]
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `email`, `name`, with commas between; `-` in front for downwards.
    """
    search: NotRequired[str]
    """
    Words that must all occur in `email`, `name`.
    """


class ListWebhooksQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    created_by: NotRequired[str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    is_active: NotRequired[bool]
    is_failing: NotRequired[bool]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `updated_at`, `url`, with commas between; `-` in front for downwards.
    """
    search: NotRequired[str]
    """
    Words that must all occur in `url`, `description`.
    """
    updated_after: NotRequired[datetime | str]
    url: NotRequired[str]


class ListWebhookDeliveriesQuery(TypedDict):
    count: NotRequired[Literal["capped", "exact", "estimate"]]
    """
    `capped` counts to 10,001 and stops; `exact` counts all; `estimate` is the planner's guess, at no cost.
    """
    created_after: NotRequired[datetime | str]
    created_before: NotRequired[datetime | str]
    id: NotRequired[str | list[str]]
    """
    Multiple values may be separated by commas.
    """
    instance_id: NotRequired[str]
    kind: NotRequired[str]
    limit: NotRequired[int]
    """
    How many results to return.
    """
    message_id: NotRequired[str]
    """
    Without its msg_.
    """
    ordering: NotRequired[str]
    """
    One or more of `created_at`, `number`, with commas between; `-` in front for downwards.
    """
    search: NotRequired[str]
    """
    Words that must all occur in `kind`.
    """
    status: NotRequired[Literal["delivered", "given_up", "pending"] | list[Literal["delivered", "given_up", "pending"]]]


class Drag(TypedDict):
    """
    Press the button at the path's first point, follow the path, release at its last.
    """

    type: Literal["drag"]
    path: list[Point]
    button: NotRequired[Literal["left", "middle", "right"]]


LogEntriesRequest: TypeAlias = LogRequest | list[LogRequest]


class NewInstancePlanRequest(TypedDict):
    """
    The body of POST below an instance.
    """

    title: str
    description: NotRequired[str]
    plan_type: Literal["objective", "task", "verification", "milestone"]
    status: NotRequired[Literal["pending", "in_progress", "completed", "failed", "cancelled", "blocked", "paused"]]
    """
    Read as a wish along the lifecycle's table; 409 where it has no such move.
    """
    priority: NotRequired[int]
    """
    1 to 10. Default 5.
    """
    instructions: NotRequired[str]
    expected_output: NotRequired[str]
    success_criteria: NotRequired[list[str]]
    steps: NotRequired[list[SentStepRequest]]
    max_retries: NotRequired[int]
    """
    Default 3.
    """
    depends_on: NotRequired[list[str]]
    """
    Plans of this site; no circles.
    """
    parent_id: NotRequired[str | None]
    """
    The plan that this one is a part of.
    """
    agent_id: NotRequired[str | None]
    """
    Default: the caller's, or else the instance's.
    """
    due_at: NotRequired[datetime | str | None]


class NewPlanRequest(TypedDict):
    """
    The body of POST. `site_id` is read at the door; site and user are the instance's.
    """

    title: str
    description: NotRequired[str]
    plan_type: Literal["objective", "task", "verification", "milestone"]
    status: NotRequired[Literal["pending", "in_progress", "completed", "failed", "cancelled", "blocked", "paused"]]
    """
    Read as a wish along the lifecycle's table; 409 where it has no such move.
    """
    priority: NotRequired[int]
    """
    1 to 10. Default 5.
    """
    instructions: NotRequired[str]
    expected_output: NotRequired[str]
    success_criteria: NotRequired[list[str]]
    steps: NotRequired[list[SentStepRequest]]
    max_retries: NotRequired[int]
    """
    Default 3.
    """
    depends_on: NotRequired[list[str]]
    """
    Plans of this site; no circles.
    """
    parent_id: NotRequired[str | None]
    """
    The plan that this one is a part of.
    """
    agent_id: NotRequired[str | None]
    """
    Default: the caller's, or else the instance's.
    """
    due_at: NotRequired[datetime | str | None]
    instance_id: str


class PatchedChangedPlanRequest(TypedDict):
    """
    The body of PUT and PATCH, which mean the same: what is not sent stays.

    What an answer held besides may be sent back with it and changes nothing.
    """

    title: NotRequired[str]
    description: NotRequired[str]
    plan_type: NotRequired[Literal["objective", "task", "verification", "milestone"]]
    status: NotRequired[Literal["pending", "in_progress", "completed", "failed", "cancelled", "blocked", "paused"]]
    """
    Read as a wish along the lifecycle's table; 409 where it has no such move.
    """
    priority: NotRequired[int]
    """
    1 to 10. Default 5.
    """
    instructions: NotRequired[str]
    expected_output: NotRequired[str]
    success_criteria: NotRequired[list[str]]
    steps: NotRequired[list[SentStepRequest]]
    max_retries: NotRequired[int]
    """
    Default 3.
    """
    depends_on: NotRequired[list[str]]
    """
    Plans of this site; no circles.
    """
    parent_id: NotRequired[str | None]
    """
    The plan that this one is a part of.
    """
    agent_id: NotRequired[str | None]
    """
    Default: the caller's, or else the instance's.
    """
    due_at: NotRequired[datetime | str | None]


PlacedLogEntriesRequest: TypeAlias = PlacedLogRequest | list[PlacedLogRequest]


class Batch(TypedDict):
    """
    Actions in turn, and one picture at the end.
    """

    actions: list[
        Click
        | Move
        | Drag
        | Scroll
        | Type
        | Press
        | CursorPosition
        | Wait
        | Screenshot
        | Bash
        | Edit
        | ReadFile
        | WriteFile
        | ListFiles
        | GetEnvironment
        | SetEnvironment
        | UnsetEnvironment
        | CurrentUrl
        | Navigate
    ]
    stop_on_failure: NotRequired[bool]
    screenshot: NotRequired[Screenshot | None]


ActionOrBatch: TypeAlias = (
    Batch
    | Click
    | Move
    | Drag
    | Scroll
    | Type
    | Press
    | CursorPosition
    | Wait
    | Screenshot
    | Bash
    | Edit
    | ReadFile
    | WriteFile
    | ListFiles
    | GetEnvironment
    | SetEnvironment
    | UnsetEnvironment
    | CurrentUrl
    | Navigate
)
