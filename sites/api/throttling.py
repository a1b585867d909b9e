"""How often people may ask for letters, and guess at what stands in them."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.views import APIView

from common.api.throttling import ByAddress, ByEmail, Limit
from sites.api.authentication import principal_of


class ResetsByAddress(ByAddress):
    what = "resets"
    times = 30


class ResetsByEmail(ByEmail):
    what = "resets-of"
    times = 5


class TokensByAddress(ByAddress):
    """Tries of a token, good or bad."""

    what = "tokens"
    times = 60


class InvitationsBySite(Limit):
    what = "invitations"
    times = 200

    def who(self, request: Request, view: APIView) -> str:
        return str(principal_of(request).site_id)


class InvitationsByEmail(ByEmail):
    """From all sites together: nobody's letter box is ours to fill."""

    what = "invitations-of"
    times = 10
