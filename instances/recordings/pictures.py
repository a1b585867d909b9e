"""A machine's screen as the gateway sends it: a JPEG at first, and one when something has changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from instances.signed import recorder_token

_OPEN_WITHIN_S = 5.0
_LARGEST_BYTES = 16 * 1024 * 1024 + 1024


class Away(Exception):
    """No pictures come from this machine just now: it, its guest or the gateway is not there."""


class Screen:
    """One machine's pictures, as long as its connection holds."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def next(self, *, within_s: float) -> bytes | None:
        """The next picture, or None when none came in time because nothing has changed.

        Raises:
            Away: the connection has ended.
        """
        try:
            message = self._connection.recv(timeout=within_s)
        except TimeoutError:
            return None
        except (ConnectionClosed, OSError) as error:
            raise Away(str(error)) from error
        return message if isinstance(message, bytes) else None


@contextmanager
def watching(site_id: UUID, machine: str, *, max_fps: int, quality: int) -> Iterator[Screen]:
    """Watch a machine of the site by such a signed address as programs get.

    Raises:
        Away: the gateway cannot be reached.
    """
    token = recorder_token(site_id, machine)
    address = f"ws://{settings.GATEWAY_UPSTREAM}/frames/{token}?max_fps={max_fps}&quality={quality}"
    try:
        connection = connect(
            address,
            open_timeout=_OPEN_WITHIN_S,
            close_timeout=1,
            max_size=_LARGEST_BYTES,
            max_queue=4,
            compression=None,
            proxy=None,
        )
    except (OSError, InvalidHandshake, TimeoutError) as error:
        raise Away(f"the gateway is away: {type(error).__name__}") from error
    with connection:
        yield Screen(connection)
