"""What can go wrong on the way to a guest, and what is known of the call then."""

from __future__ import annotations


class GuestError(Exception):
    """What was asked of a guest did not come about, or nobody can say whether it did."""


class GuestUnreachable(GuestError):
    """No guest is connected, or its connection or the gateway went away.

    `was_sent` is false where the guest certainly has not heard what was asked: then it may be asked again.
    """

    def __init__(self, message: str, *, was_sent: bool = False) -> None:
        super().__init__(message)
        self.was_sent = was_sent


class GuestInterrupted(GuestError):
    """This process ends, and waits no longer. The guest may have done what was asked, or may be doing it still."""


class GuestTimedOut(GuestError):
    """The guest did not answer in time. It may have done what was asked, or may be doing it still."""


class GuestBusy(GuestError):
    """Too many calls wait for this guest; it has not heard this one."""


class GuestDriven(GuestError):
    """A person drives this desktop by its live view just now; `label` is who. The guest has not heard this call."""

    def __init__(self, label: str) -> None:
        super().__init__(f"{label or 'Somebody'} drives this desktop just now")
        self.label = label


class GuestRefused(GuestError):
    """The guest said no: `code` is `bad_action`, `unsupported` or `failed`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
