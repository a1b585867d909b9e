"""What a desktop can do, whatever draws it. A new kind of desktop is one class that has these methods."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from guest.protocol import actions, results


class ActionFailed(Exception):
    """An action was not done. `failure` goes to the caller as it is."""

    def __init__(self, failure: results.Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def bad_action(message: str) -> ActionFailed:
    """It was asked wrongly, and asking again is of no use."""
    return ActionFailed(results.Failure(code="bad_action", message=message))


def unsupported(message: str) -> ActionFailed:
    """This desktop cannot do it."""
    return ActionFailed(results.Failure(code="unsupported", message=message))


def failed(message: str) -> ActionFailed:
    """It was tried."""
    return ActionFailed(results.Failure(code="failed", message=message))


class Commands(Protocol):
    """The shell of a kind of desktop."""

    async def run(self, command: str, timeout_s: float) -> results.Shell:
        """What the command wrote and how it ended. Raises `OSError`: no shell. `ValueError`: no shell takes it."""
        ...


class Desktop(Protocol):
    """Every method raises `ActionFailed`. The caller lets one input run at a time; looking may go on meanwhile."""

    async def click(self, action: actions.Click) -> None: ...

    async def move(self, action: actions.Move) -> None: ...

    async def drag(self, action: actions.Drag) -> None: ...

    async def scroll(self, action: actions.Scroll) -> None: ...

    async def type(self, action: actions.Type) -> None: ...

    async def press(self, action: actions.Press) -> None: ...

    async def cursor(self) -> results.Cursor: ...

    async def screenshot(self, action: actions.Screenshot) -> tuple[results.Image, bytes]: ...

    def changes(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event that is set while the screen has changed since it was cleared."""
        ...
