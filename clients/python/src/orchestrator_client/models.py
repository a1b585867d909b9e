"""What the platform answers. Made from docs/openapi.yaml by generator/; not edited by hand."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, RootModel

from orchestrator_client.answers import Answer


class Agent(Answer):
    """
    A program that acts for a site.
    """

    id: str
    site_id: str
    name: str
    description: str | None = None
    is_active: bool | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Audit(Answer):
    """
    Who did what to which row, and from where.
    """

    id: str
    created_at: AwareDatetime
    action: str
    """
    What happened, as `key.created`.
    """
    target_type: str
    target_id: str
    target_name: str
    user_id: str | None
    agent_id: str | None
    key_id: str | None
    via: str
    """
    `key`, `session`, `ticket`, `console` or `door`.
    """
    address: str
    request_id: str
    details: dict[str, Any]


class BrowserState(Answer):
    """
    What lies in a saved state, and where it came from; never the state itself.
    """

    id: str
    name: str
    hosts: list[str]
    """
    Whose cookies and storage it has; at most 200.
    """
    cookies: int
    """
    How many.
    """
    origins: int
    """
    How many sites' local storage.
    """
    instance_id: str | None
    """
    Null: it was uploaded.
    """
    created_by: str
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Cdp(Answer):
    """
    Where DevTools clients connect. Keep it like a key: whoever has it drives the browser until it expires.
    """

    cdp_url: str
    """
    A WebSocket's address, the whole browser's.
    """
    http_url: str
    """
    Below it answer /json/version, /json/list and /json/new.
    """
    expires_at: AwareDatetime
    """
    Until then it lets clients in; connections live on.
    """


class Cursor(Answer):
    x: int
    y: int


class Error(Answer):
    """
    Every answer of 400 and above.
    """

    error: str
    """
    A sentence for people.
    """
    code: str
    """
    A word for machines, such as NOT_FOUND.
    """
    details: dict[str, Any]
    """
    What belongs to this code, such as `fields` by name.
    """
    request_id: str
    """
    What to quote; also in X-Request-ID.
    """


class Event(Answer):
    """
    An entry of a history: what came about, and between which statuses where it was a move.
    """

    id: str
    instance_id: str
    number: int
    kind: str
    status_from: str | None
    status: str | None
    message: str
    data: Any
    created_at: AwareDatetime


class Fault(Answer):
    """
    Why one action of several failed.
    """

    error: str
    code: str
    details: dict[str, Any]


class File(Answer):
    """
    `text` of a file that was read and is UTF-8, else `base64`.
    """

    path: str
    size: int
    """
    Of the whole file.
    """
    offset: int
    text: str | None = None
    base64: str | None = None


class FolderEntry(Answer):
    name: str
    kind: Literal["file", "folder", "other"] | str
    size: int


class Frames(Answer):
    """
    Where the screen comes as pictures. Keep it like a key: whoever has it sees the screen.
    """

    url: str
    """
    A WebSocket's address. `?max_fps=` 1 to 30 (5), `?quality=` 1 to 100 (70).
    """
    events_url: str
    """
    The same as server-sent events, each JPEG in base64.
    """
    expires_at: AwareDatetime
    """
    Until then it lets watchers in; connections live on.
    """


class Health(Answer):
    ok: bool
    version: str
    components: dict[str, Any]
    """
    Each part: `ok`, and a `reason` where it is not.
    """


class Image(Answer):
    format: Literal["png", "jpeg"] | str
    width: int
    height: int
    base64: str


class Instance(Answer):
    """
    An instance as it is answered. Of its environment only the names are told.
    """

    id: str
    name: str
    instance_type: Literal["ubuntu", "browser", "windows"] | str
    status: (
        Literal[
            "pending",
            "provisioning",
            "starting",
            "running",
            "paused",
            "stopping",
            "stopped",
            "error",
            "deleting",
            "deleted",
        ]
        | str
    )
    status_reason: str
    desired_state: Literal["running", "stopped", "paused", "deleted"] | str
    site_id: str
    user_id: str
    agent_id: str | None
    created_by: str
    configuration: Any
    environment_variables: list[str]
    """
    Names only.
    """
    tools_enabled: list[str]
    template_id: str | None
    template_version: int | None
    timeout_ms: int | None
    """
    Of each run. None: no limit.
    """
    timeout_hours: float | None
    """
    `timeout_ms` in hours.
    """
    on_timeout: Literal["stop", "delete"] | str
    idle_stop_minutes: int | None
    """
    Stopped when nobody has used it for so long. None: never.
    """
    record: bool
    """
    Each of its runs is recorded.
    """
    expires_at: AwareDatetime | None
    provider: str
    region: str
    provider_ref: str | None
    """
    The machine's name there.
    """
    cdp_url: str | None
    """
    Of a running browser, read by itself: a signed WebSocket for DevTools clients. In lists null.
    """
    incarnation: int
    generation: int
    last_screenshot_at: AwareDatetime | None
    last_activity_at: AwareDatetime | None
    total_commands_executed: int
    created_at: AwareDatetime
    updated_at: AwareDatetime
    started_at: AwareDatetime | None
    stopped_at: AwareDatetime | None


class Invitation(Answer):
    """
    An invitation without its token, which is in the letter and nowhere else.
    """

    id: str
    site_id: str
    email: str
    role: Literal["owner", "admin", "operator", "viewer"] | str
    status: Literal["pending", "accepted", "revoked", "expired"] | str
    invited_by: str | None
    expires_at: AwareDatetime
    mailed_at: AwareDatetime | None
    accepted_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    created_at: AwareDatetime


class Key(Answer):
    """
    A key without its secret, which no reply but the one to its making holds.
    """

    id: str
    site_id: str
    user_id: str
    agent_id: str | None
    name: str
    prefix: str
    """
    The key's public part.
    """
    scopes: list[str]
    """
    Empty: all of the role's.
    """
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    created_at: AwareDatetime


class Log(Answer):
    """
    An entry of an instance's log.
    """

    id: str
    site_id: str
    instance_id: str
    user_id: str | None
    agent_id: str | None
    parent_log: str | None = None
    log_type: (
        Literal["system", "user_action", "agent_action", "tool_call", "tool_result", "error", "performance", "thinking"]
        | str
    )
    level: Literal["debug", "info", "warn", "error", "critical"] | str | None = "info"
    message: str
    details: dict[str, Any] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    tool_args: dict[str, Any] | None = None
    tool_result: dict[str, Any] | None = None
    is_error: bool | None = None
    duration_ms: float | None = None
    tokens_used: dict[str, Any] | None = None
    artifacts: list[Any] | None = None
    created_at: AwareDatetime


class MadeKey(Answer):
    """
    A new key with its secret. It is shown this once.
    """

    id: str
    site_id: str
    user_id: str
    agent_id: str | None
    name: str
    prefix: str
    """
    The key's public part.
    """
    scopes: list[str]
    """
    Empty: all of the role's.
    """
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    created_at: AwareDatetime
    api_key: str
    """
    The key itself. It is not shown again.
    """


class MadeWebhook(Answer):
    """
    A webhook with its secret. It is shown this once.
    """

    id: str
    site_id: str
    url: str
    """
    https://, to the public internet; other networks are the operator's to allow.
    """
    description: str
    events: list[str] | None = None
    """
    Kinds such as `instance.guest_ready`, or `instance.*`. Left out or empty: all.
    """
    is_active: bool
    failing_since: AwareDatetime | None
    disabled_at: AwareDatetime | None
    disabled_reason: str
    created_at: AwareDatetime
    updated_at: AwareDatetime
    secret: str | None
    """
    Not shown again; null where you brought it along.
    """


class Membership(Answer):
    """
    A person's place in a site, with a role.
    """

    id: str
    site_id: str
    user_id: str
    role: Literal["owner", "admin", "operator", "viewer"] | str | None = None
    created_at: AwareDatetime


class Occurrence(Answer):
    """
    One time that it was due: which instances it concerned, and what went wrong.
    """

    id: str
    schedule_id: str
    due_at: AwareDatetime
    trigger: Literal["due", "catch_up", "asked"] | str
    status: Literal["done", "partly", "nothing", "failed"] | str
    instance_ids: list[str]
    problems: list[str]
    created_at: AwareDatetime


class Offer(Answer):
    """
    One provider, by the names that a request or a template calls it and its region.
    """

    name: str
    region: str
    """
    Empty: it has none.
    """
    instance_types: list[Literal["ubuntu", "browser", "windows"] | str]


class Offers(Answer):
    """
    The first that makes machines of a type is taken where nobody chooses.
    """

    providers: list[Offer]


class PlanEvent(Answer):
    """
    An entry of a history: what came about, and between which statuses where it was a move.
    """

    id: str
    plan_id: str
    number: int
    kind: str
    status_from: str | None
    status: str | None
    message: str
    data: Any
    created_at: AwareDatetime


class Principal(Answer):
    """
    Who the caller is to us.
    """

    site_id: str
    user_id: str
    agent_id: str | None
    key_id: str | None
    role: Literal["owner", "admin", "operator", "viewer"] | str
    scopes: list[str]
    via: Literal["key", "session", "ticket", "console"] | str


class Quota(Answer):
    """
    One quota. Null as a limit: there is none; as what is used: nobody counts.
    """

    quota: str
    """
    `instances`, `running`, `provisioning`, `instances.browser`, …
    """
    limit: int | None
    used: int | None
    remaining: int | None


class Recording(Answer):
    """
    A recording of an instance's screen and of what was done on it.
    """

    id: str
    site_id: str
    instance_id: str
    created_by: str | None
    """
    Null: the instance's own `record` asked.
    """
    status: Literal["waiting", "recording", "finished", "interrupted"] | str
    reason: str
    """
    Why it ended, in a sentence.
    """
    max_fps: int
    quality: int
    """
    Of the JPEGs.
    """
    max_minutes: int
    max_mib: int
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    duration_ms: int | None
    """
    Once it has ended.
    """
    frames: int
    """
    Pictures that are kept: one each time it changed.
    """
    actions: int
    gaps: int
    """
    How often it was without pictures and went on.
    """
    bytes: int
    """
    In the object store.
    """
    expires_at: AwareDatetime | None
    """
    It is deleted then. Null while it is under way.
    """
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Redeemed(Answer):
    """
    What the guest needs to dial in.
    """

    incarnation: str
    token: str
    """
    The guest's own. A secret; it is told here and nowhere else.
    """
    gateway: str
    flavour: str
    width: int
    height: int


class Replay(Answer):
    """
    A link to the replay. Its token stands in the fragment, so no server's log has it; keep it all the same.
    """

    url: str
    expires_at: AwareDatetime
    """
    Open it until then. An open page goes on for up to 12 hours.
    """


class Root(Answer):
    """
    Addresses by name.
    """

    version: str
    nouns: dict[str, str]
    """
    The lists, one a noun.
    """
    besides: dict[str, str]
    """
    Who you are, docs, health, signing in.
    """


class Schedule(Answer):
    """
    A schedule, and when it is due next.
    """

    id: str
    name: str
    template_id: str
    template_version: int | None
    """
    Empty: the newest.
    """
    action: Literal["start", "stop", "extend"] | str
    count: int
    """
    How many to start.
    """
    timeout_ms: int | None
    """
    To extend by. Empty: their own.
    """
    cron: str
    interval_s: int | None
    time_zone: str
    """
    IANA name. Empty: the site's.
    """
    user_id: str
    paused: bool
    next_at: AwareDatetime | None
    last_at: AwareDatetime | None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Shell(Answer):
    stdout: str
    stderr: str
    exit_code: int | None
    timed_out: bool
    truncated: bool


class Site(Answer):
    """
    A team and all that is theirs: the tenant.
    """

    id: str
    name: str
    time_zone: str | None = None
    """
    IANA name, for example Europe/Berlin.
    """
    log_retention_days: int | None = None
    """
    Log entries older than this are deleted. Empty, or more than the platform's limit: that limit.
    """
    is_active: bool
    """
    An inactive site's keys and members are refused.
    """
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Step(Answer):
    """
    A step as it is answered.
    """

    id: str
    title: str
    description: str
    order: int
    status: Literal["pending", "in_progress", "completed", "failed", "skipped"] | str
    instructions: str
    expected_output: str
    actual_output: str
    error_message: str
    retry_count: int
    started_at: AwareDatetime | None
    completed_at: AwareDatetime | None


class Template(Answer):
    """
    A template as it is now.
    """

    id: str
    name: str
    description: str
    version: int
    instance_type: Literal["ubuntu", "browser", "windows"] | str
    provider: str
    """
    Empty: the first that fits.
    """
    region: str
    """
    Empty: any.
    """
    configuration: Any
    startup_script: str
    environment_variables: list[str]
    """
    Names only.
    """
    required_variables: list[str]
    """
    Names whose values come with each use.
    """
    tools_enabled: list[str]
    timeout_ms: int | None
    timeout_hours: float | None
    on_timeout: Literal["stop", "delete"] | str
    idle_stop_minutes: int | None
    record: bool
    pool_size: int
    """
    How many run before anybody asks.
    """
    pool_ready: int
    """
    How many can be claimed just now.
    """
    pool_failures: int
    pool_open_until: AwareDatetime | None
    """
    No member is made until then.
    """
    pool_reason: str
    created_by: str
    created_at: AwareDatetime
    updated_at: AwareDatetime


class TemplateVersion(Answer):
    """
    A template's spec as it was in one version.
    """

    id: str
    template_id: str
    version: int
    instance_type: Literal["ubuntu", "browser", "windows"] | str
    provider: str
    """
    Empty: the first that fits.
    """
    region: str
    """
    Empty: any.
    """
    configuration: Any
    startup_script: str
    environment_variables: list[str]
    """
    Names only.
    """
    required_variables: list[str]
    """
    Names whose values come with each use.
    """
    tools_enabled: list[str]
    timeout_ms: int | None
    timeout_hours: float | None
    on_timeout: Literal["stop", "delete"] | str
    idle_stop_minutes: int | None
    record: bool
    created_by: str
    created_at: AwareDatetime


class Ticket(Answer):
    """
    Good for one entry, as `?ticket=…` of a socket or an event stream.
    """

    ticket: str
    expires_at: AwareDatetime


class Try(Answer):
    """
    One attempt. `status` is the answer's; without an answer, `error` says what happened.
    """

    at: AwareDatetime
    status: int | None
    took_ms: float
    error: str


class Usage(Answer):
    """
    What a 429 `QUOTA_EXCEEDED` names in `details.quota` stands here under the same name.
    """

    site_id: str
    quotas: list[Quota]


class User(Answer):
    """
    A person who signs in.
    """

    id: str
    email: str
    name: str
    is_active: bool
    created_at: AwareDatetime


class View(Answer):
    """
    A link to the live view. Its token stands in the fragment, so no server's log has it; keep it all the same.
    """

    url: str
    mode: Literal["watch", "drive"] | str
    """
    What the page may do at most.
    """
    expires_at: AwareDatetime
    """
    Open it until then. An open page goes on for up to 12 hours.
    """


class Webhook(Answer):
    """
    A webhook without its secret, which no reply but the one to its making holds.
    """

    id: str
    site_id: str
    url: str
    """
    https://, to the public internet; other networks are the operator's to allow.
    """
    description: str | None = None
    events: list[str] | None = None
    """
    Kinds such as `instance.guest_ready`, or `instance.*`. Left out or empty: all.
    """
    is_active: bool | None = None
    failing_since: AwareDatetime | None
    disabled_at: AwareDatetime | None
    disabled_reason: str
    created_at: AwareDatetime
    updated_at: AwareDatetime


class WhoDrives(Answer):
    name: str
    """
    A person's name or email, or an agent's name.
    """
    since: AwareDatetime


class Written(Answer):
    """
    The answer to a list of entries: their ids, in the order sent.
    """

    count: int
    ids: list[str]


class WrittenFile(Answer):
    path: str
    size: int
    offset: int
    log_id: str


class Batched(Answer):
    """
    One of several: as if it had been asked alone, or its `error`.
    """

    type: str
    log_id: str | None = None
    duration_ms: float | None = None
    cursor: Cursor | None = None
    image: Image | None = None
    shell: Shell | None = None
    error: Fault | None = None


class Delivery(Answer):
    """
    One message. `message_id` is what the receiver sees as `webhook-id`.
    """

    id: str
    webhook_id: str
    number: int
    message_id: str
    """
    The same for every attempt and repetition.
    """
    kind: str
    instance_id: str
    """
    For a ping, the webhook's.
    """
    payload: Any
    status: Literal["pending", "delivered", "given_up"] | str
    attempts: int
    tries: list[Try]
    """
    The latest twenty.
    """
    next_attempt_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    created_at: AwareDatetime


class Done(Answer):
    """
    An action's result: `cursor`, `image` and `shell` are null where it has none; the rest is there or not.
    """

    type: str
    log_id: str
    duration_ms: float
    cursor: Cursor | None
    image: Image | None
    shell: Shell | None
    text: str | None = None
    """
    What an edit has to say.
    """
    file: File | None = None
    entries: list[FolderEntry] | None = None
    environment: dict[str, str] | None = None
    url: str | None = None


class Driver(Answer):
    driver: WhoDrives | None


class LogOrWritten(RootModel[Log | Written]):
    root: Log | Written


class Plan(Answer):
    """
    A plan as it is answered.
    """

    id: str
    site_id: str
    instance_id: str
    user_id: str
    agent_id: str | None
    parent_id: str | None
    title: str
    description: str
    plan_type: Literal["objective", "task", "verification", "milestone"] | str
    status: Literal["pending", "in_progress", "completed", "failed", "cancelled", "blocked", "paused"] | str
    priority: int
    """
    1 to 10.
    """
    instructions: str
    expected_output: str
    success_criteria: list[str]
    steps: list[Step]
    progress_percentage: int
    steps_completed: int
    steps_total: int
    retry_count: int
    max_retries: int
    depends_on: list[str]
    """
    Plans it waits for.
    """
    blocks: list[str]
    """
    Plans that wait for it.
    """
    error_message: str
    due_at: AwareDatetime | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    started_at: AwareDatetime | None
    completed_at: AwareDatetime | None


class BatchDone(Answer):
    """
    What came of each action that was begun, in order, and the picture at the end.
    """

    results: list[Batched]
    screenshot: Done | None


class ActionOrBatchDone(RootModel[Done | BatchDone]):
    root: Done | BatchDone
