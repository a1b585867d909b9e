"""Signed, short-lived addresses of an instance's streams: its browser's DevTools, its live view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypedDict
from uuid import UUID

from django.conf import settings

from common import clock, tokens
from common.errors import Conflict, NotSignedIn
from common.tenancy import site_scope
from common.tokens import Claims
from instances import selectors
from instances.bearers import CDP, FRAMES, RECORDER, VIEW
from instances.models import Instance, Status
from sites.keys import display_name
from sites.principal import Principal
from sites.standing import principal_again

REPLAY = "replay"
Mode = Literal["watch", "drive"]
CDP_LIFETIME = timedelta(hours=1)
VIEW_LIFETIME = timedelta(minutes=10)
RENEWED_LIFETIME = timedelta(hours=1)
RENEWABLE = timedelta(hours=12)
_STEP_S = 60  # the same address is given for so long, so that a row read twice in a moment reads the same


@dataclass(frozen=True, slots=True)
class CdpAddress:
    """`cdp_url` is a WebSocket's; below `http_url` answer `/json/version` and `/json/list`."""

    cdp_url: str
    http_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FramesAddress:
    """`url` is a WebSocket's, `events_url` that of an event stream; both take `?max_fps=` and `?quality=`."""

    url: str
    events_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ViewAddress:
    """`url` is a page for people. Its token stands in the fragment, which browsers send to nobody."""

    url: str
    mode: Mode
    expires_at: datetime


def issue_cdp(principal: Principal, instance_id: UUID) -> CdpAddress:
    """Where DevTools clients may connect to a running browser instance; each connection lives on after the address.

    Raises:
        Forbidden, NotFound: as for acting on it.
        Conflict: it is not running, or is no browser.
    """
    return _cdp_address(principal, running_browser(principal, instance_id).machine)


def running_browser(principal: Principal, instance_id: UUID) -> Instance:
    """The browser instance, for who may act on it. Raises as `issue_cdp` does."""
    principal.must("instances:act")
    instance = _running(principal, instance_id)
    if instance.instance_type != "browser":
        raise Conflict(f"An instance of type {instance.instance_type} has no DevTools port.", code="NO_BROWSER")
    return instance


def cdp_url_of(principal: Principal, instance: Instance) -> str | None:
    """The same address for an answer that shows the instance; None where `principal` could not have it."""
    if instance.instance_type != "browser" or instance.status != Status.RUNNING:
        return None
    if "instances:act" not in principal.scopes:
        return None
    return _cdp_address(principal, instance.machine).cdp_url


def issue_frames(principal: Principal, instance_id: UUID) -> FramesAddress:
    """Where the screen of a running instance comes as pictures, to whoever may read it.

    Raises:
        Forbidden, NotFound: as for reading it.
        Conflict: it is not running.
    """
    principal.must("instances:read")
    token, expires_at = _machine_token(principal, FRAMES, _running(principal, instance_id).machine)
    events_url = f"{settings.GATEWAY_PUBLIC_URL}/frames/{token}"
    return FramesAddress("ws" + events_url.removeprefix("http"), events_url, expires_at)


def issue_view(principal: Principal, instance_id: UUID, *, mode: Mode | None = None) -> ViewAddress:
    """A page that shows the instance's screen, in every status. `mode` is what its bearer may do at most: `watch`, or
    `drive` for who may act; by default the most that `principal` may.

    Raises:
        Forbidden, NotFound: as for reading it, or to drive, for acting on it.
    """
    may_drive = "instances:act" in principal.scopes
    mode = mode or ("drive" if may_drive else "watch")
    if mode == "drive":
        principal.must("instances:act")
    with site_scope(principal.site_id):
        instance = selectors.instance_of(principal, instance_id)
    label = display_name(principal.user_id, principal.agent_id)
    token, expires_at = view_token(principal, instance.machine, mode=mode, label=label)
    return ViewAddress(f"{settings.PUBLIC_URL}/view#{token}", mode, expires_at)


def view_token(
    principal: Principal, machine: str, *, mode: str, label: str = "", renew_until: int = 0
) -> tuple[str, datetime]:
    """A token for the gateway's view socket, and when it stops opening one. `renew_until`: of the one it follows."""
    return page_token(principal, VIEW, machine, mode=mode, label=label, renew_until=renew_until)


def page_token(
    principal: Principal, purpose: str, subject: str, *, mode: str = "", label: str = "", renew_until: int = 0
) -> tuple[str, datetime]:
    """A token of a page that is opened by a link, and when it stops opening it. `renew_until`: of the one it follows.

    The first is in an address, so it is short; those that follow never leave their page, and outlast a nap of its host.
    """
    now = int(clock.now().timestamp())
    until = renew_until or now + int(RENEWABLE.total_seconds())
    lifetime = RENEWED_LIFETIME if renew_until else VIEW_LIFETIME
    claims = Claims(
        purpose=purpose,
        subject=subject,
        expires_at=min(now + int(lifetime.total_seconds()), until),
        renew_until=until,
        mode=mode,
        label=label,
        **_by(principal),
    )
    return tokens.sign(settings.GATEWAY_SECRET, claims), datetime.fromtimestamp(claims.expires_at, UTC)


def bearer(token: str, purpose: str) -> tuple[Claims, Principal]:
    """What a page's token says, and whoever asked for it, as they may today.

    Raises:
        NotSignedIn: it has expired or is none, or its key, member or site is gone.
    """
    try:
        claims = tokens.opened(token, settings.GATEWAY_SECRET, purpose=purpose, now_s=clock.now().timestamp())
    except tokens.BadToken as error:
        raise NotSignedIn("This link has expired; ask for a new one.") from error
    return claims, principal_again(
        UUID(claims.site), UUID(claims.user), key_id=_maybe(claims.key), agent_id=_maybe(claims.agent)
    )


def _maybe(text: str) -> UUID | None:
    return UUID(text) if text else None


def recorder_token(site_id: UUID, machine: str) -> str:
    """For the frames of one machine, held by the platform itself, which ends it by itself."""
    expires = int((clock.now() + CDP_LIFETIME).timestamp())
    claims = Claims(purpose=FRAMES, subject=machine, expires_at=expires, mode=RECORDER, site=str(site_id))
    return tokens.sign(settings.GATEWAY_SECRET, claims)


def _machine_token(principal: Principal, purpose: str, machine: str) -> tuple[str, datetime]:
    now = int(clock.now().timestamp())
    expires = now - now % _STEP_S + int(CDP_LIFETIME.total_seconds())
    claims = Claims(purpose=purpose, subject=machine, expires_at=expires, **_by(principal))
    return tokens.sign(settings.GATEWAY_SECRET, claims), datetime.fromtimestamp(expires, UTC)


class _By(TypedDict):
    site: str
    user: str
    agent: str
    key: str


def _by(principal: Principal) -> _By:
    """Who asks, as the hub reads it back when the gateway is asked who holds a stream."""
    return {
        "site": str(principal.site_id),
        "user": str(principal.user_id),
        "agent": str(principal.agent_id or ""),
        "key": str(principal.key_id or ""),
    }


def _cdp_address(principal: Principal, machine: str) -> CdpAddress:
    token, expires_at = _machine_token(principal, CDP, machine)
    http_url = f"{settings.GATEWAY_PUBLIC_URL}/cdp/{token}"
    return CdpAddress("ws" + http_url.removeprefix("http"), http_url, expires_at)


def _running(principal: Principal, instance_id: UUID) -> Instance:
    with site_scope(principal.site_id):
        instance = selectors.instance_of(principal, instance_id)
    if instance.status != Status.RUNNING:
        raise Conflict(f"The instance is {instance.status}, not running.", status=instance.status)
    return instance
