"""Who may open a socket: the same keys, sessions and tickets as over REST. Plugs into `common.realtime`."""

from __future__ import annotations

from uuid import UUID

from common.errors import Invalid, NotFound, NotSignedIn
from common.realtime.credentials import Credentials
from sites import limits
from sites.keys import check_standing, find_principal, principal_of_session
from sites.principal import Principal
from sites.tickets import redeem


class MembersOnly:
    """`common.realtime.credentials.Doorkeeper` over the rows of `sites`."""

    def admit(self, credentials: Credentials) -> Principal:
        """The principal of these credentials.

        Raises:
            NotSignedIn: there are none, or they are not good.
            NotFound: they are good, for another site than the one they name.
            Invalid: a member of several sites named none.
            RateLimited: too many requests, or too many that failed from there.
        """
        principal = self._known(credentials)
        limits.admit(principal)
        return principal

    def _known(self, credentials: Credentials) -> Principal:
        wanted = _site(credentials.site)
        if credentials.user is not None:
            return principal_of_session(credentials.user, wanted)
        if credentials.ticket is not None:
            principal = redeemed(credentials.ticket)
        elif credentials.key is not None:
            principal = find_principal(credentials.key)
        else:
            raise NotSignedIn()
        if wanted is not None and wanted != principal.site_id:
            raise NotFound()
        return principal

    def recheck(self, principal: Principal) -> None:
        check_standing(principal)


def redeemed(ticket: str) -> Principal:
    """Who the ticket lets in; one that is not good counts as a failure of its address.

    Raises:
        NotSignedIn: it is unknown, spent or too old.
    """
    try:
        return redeem(ticket)
    except NotSignedIn:
        limits.note_failure()
        raise


def _site(named: str | None) -> UUID | None:
    if not named:
        return None
    try:
        return UUID(named)
    except ValueError as error:
        raise Invalid("site_id: Must be a valid UUID.") from error
