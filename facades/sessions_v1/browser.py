"""The browser of a browser instance, in this dialect: its address, and the states of browsers that are kept."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from common.clock import now
from common.errors import Invalid
from common.ids import new_id
from common.tenancy import site_scope
from facades.sessions_v1 import shapes
from facades.sessions_v1.acting import ActingView
from facades.sessions_v1.views import SessionView, told
from instances import browser_states, signed

NAME_CHARACTERS = 200
_NAME = OpenApiParameter("name", str, description="Of the state; at most 200 characters.")
_STATE = OpenApiParameter("auth_state_id", str, required=True, description="One of `/v1/auth_states`.")


class StartBrowserView(ActingView):
    """The browser of a browser instance, which runs as long as its machine."""

    @told("start_session_browser", shapes.SessionCdpSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        """Where DevTools clients connect."""
        return Response({"cdp_url": signed.issue_cdp(self.principal, pk).cdp_url})


class CdpUrlView(SessionView):
    """Where DevTools clients connect."""

    scopes = {"GET": "instances:act"}

    @told("get_session_cdp_url", shapes.SessionCdpSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """A signed address, good for an hour."""
        return Response({"cdp_url": signed.issue_cdp(self.principal, pk).cdp_url})


class CurrentUrlView(ActingView):
    """Where the browser is."""

    scopes = {"GET": "instances:act"}

    @told("get_session_current_url", shapes.SessionUrlSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """The address that it shows."""
        return Response({"current_url": self.act(pk, {"type": "current_url"}).answer.result.url or ""})


class StopBrowserView(ActingView):
    """Have the browser show nothing."""

    @told("stop_session_browser", shapes.SessionStatusSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        """It goes to an empty page: the browser itself runs as long as its machine."""
        self.act(pk, {"type": "navigate", "url": "about:blank"})
        return Response({"status": "stopped"})


class SaveAuthView(SessionView):
    """The logins of a browser, kept for other ones."""

    scopes = {"POST": "instances:act"}

    @told("save_session_auth", shapes.SessionAuthSerializer, parameters=[_NAME])
    def post(self, request: Request, pk: UUID) -> Response:
        """Save its cookies and local storage. Without a name it gets one from the time."""
        name = _name_in(request) or f"saved {now():%Y-%m-%d %H:%M:%S} {new_id().hex[-6:]}"
        return Response(shapes.auth(browser_states.save_state(self.principal, pk, name=name)))


class ModifyAuthView(SessionView):
    """The logins of a browser, in the place of those that were kept."""

    scopes = {"POST": "instances:act"}

    @told("modify_session_auth", shapes.SessionAuthSerializer, parameters=[_STATE, _NAME])
    def post(self, request: Request, pk: UUID) -> Response:
        """Save them anew, and under another name where one is given."""
        wanted = _state_in(request)
        row = browser_states.save_again(self.principal, pk, wanted, name=_name_in(request))
        return Response(shapes.auth(row))


class AuthenticateView(SessionView):
    """Saved logins for a browser."""

    scopes = {"POST": "instances:act"}

    @told("authenticate_session", shapes.SessionStatusSerializer, parameters=[_STATE])
    def post(self, request: Request, pk: UUID) -> Response:
        """Add a saved state to what it has; open pages see it when they load again."""
        browser_states.load_state(self.principal, pk, _state_in(request))
        return Response({"status": "success"})


class AuthStatesView(SessionView):
    """States of browsers that were saved."""

    scopes = {"GET": "browser-states:read"}

    @told("list_session_auth_states", shapes.SessionAuthStateSerializer(many=True))
    def get(self, request: Request) -> Response:
        """All of the site, newest first, by id and name."""
        with site_scope(self.principal.site_id):
            rows = list(browser_states.states_of(self.principal))
        return Response([{"id": str(row.pk), "name": row.name} for row in rows])


def _name_in(request: Request) -> str | None:
    name = request.query_params.get("name") or None
    if name is not None and len(name) > NAME_CHARACTERS:
        raise Invalid(f"name: At most {NAME_CHARACTERS} characters.")
    return name


def _state_in(request: Request) -> UUID:
    try:
        return UUID(request.query_params.get("auth_state_id", ""))
    except ValueError as error:
        raise Invalid("auth_state_id: The id of a saved state.") from error
