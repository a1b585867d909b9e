"""Hands and eyes on one instance, for the asynchronous client."""

from __future__ import annotations

from typing import Literal

from orchestrator_client import answers, models
from orchestrator_client import fields as sent
from orchestrator_client._async.transport import AsyncTransport
from orchestrator_client.calls import Call, segment
from orchestrator_client.errors import UnexpectedAnswer
from orchestrator_client.kinds import Action

Button = Literal["left", "middle", "right"]

_SLOWEST_S = 60.0
"""How long an action that names no time of its own may take."""


class AsyncDesktop:
    """Actions on the instance `id`, which must be running. An action is not sent twice by itself, since a click that
    was done can't be undone: give an `idempotency_key` to `act` where that matters more than its cost."""

    def __init__(self, transport: AsyncTransport, id: str) -> None:
        self.id = id
        self._transport = transport

    async def act(
        self, action: Action, *, timeout_s: float = _SLOWEST_S, idempotency_key: str | None = None
    ) -> models.Done:
        """Any action as data: `{"type": "click", "x": 1, "y": 2}`. `timeout_s` is how long it may rightly take.

        Raises:
            InvalidRequest: it is no action.
            Conflict: the instance isn't running.
            GuestFailed, GuestTimeout: the machine could not, or did not answer in time.
            RateLimited: too many actions are under way there.
        """
        path = f"/api/instances/{segment(self.id)}/actions"
        call = Call("POST", path, json=action, key=idempotency_key, timeout_s=timeout_s)
        return answers.read(models.Done, answers.data(await self._transport.send(call)))

    async def click(
        self,
        x: int | None = None,
        y: int | None = None,
        *,
        button: Button = "left",
        count: int = 1,
        modifiers: tuple[str, ...] = (),
    ) -> None:
        """Click `count` times at x, y, or where the pointer is, while `modifiers` are held."""
        action: sent.Click = {"type": "click", "x": x, "y": y, "button": button, "count": count}
        await self.act({**action, "modifiers": list(modifiers)})

    async def double_click(self, x: int | None = None, y: int | None = None, *, button: Button = "left") -> None:
        await self.click(x, y, button=button, count=2)

    async def move(self, x: int, y: int) -> None:
        """Move the pointer."""
        await self.act({"type": "move", "x": x, "y": y})

    async def drag(self, *path: tuple[int, int], button: Button = "left") -> None:
        """Press at the first of two points or more, follow them, release at the last."""
        await self.act({"type": "drag", "path": [{"x": x, "y": y} for x, y in path], "button": button})

    async def scroll(
        self,
        direction: Literal["up", "down", "left", "right"],
        amount: int = 3,
        *,
        x: int | None = None,
        y: int | None = None,
    ) -> None:
        """Turn the wheel by `amount` clicks, at x, y or where the pointer is."""
        await self.act({"type": "scroll", "direction": direction, "amount": amount, "x": x, "y": y})

    async def type(self, text: str, *, method: Literal["auto", "keys", "paste"] = "auto") -> None:
        """Type any Unicode text."""
        await self.act({"type": "type", "text": text, "method": method}, timeout_s=_SLOWEST_S + 0.02 * len(text))

    async def press(self, *keys: str, hold_ms: int = 0) -> None:
        """Press keys together: `press("ctrl", "c")`."""
        action: sent.Press = {"type": "press", "keys": list(keys), "hold_ms": hold_ms}
        await self.act(action, timeout_s=_SLOWEST_S + hold_ms / 1000)

    async def cursor(self) -> models.Cursor:
        """Where the pointer is."""
        done = await self.act({"type": "cursor_position"})
        if done.cursor is None:
            raise UnexpectedAnswer("The pointer's place is missing.")
        return done.cursor

    async def pause(self, duration_ms: int) -> None:
        """Let up to a minute pass on the machine."""
        await self.act({"type": "wait", "duration_ms": duration_ms}, timeout_s=_SLOWEST_S + duration_ms / 1000)

    async def bash(self, command: str, *, timeout_s: float = 30.0) -> models.Shell:
        """Run a command in the machine's shell: bash, or cmd on windows. It is ended after `timeout_s`."""
        action: sent.Bash = {"type": "bash", "command": command, "timeout_s": timeout_s}
        done = await self.act(action, timeout_s=_SLOWEST_S + timeout_s)
        if done.shell is None:
            raise UnexpectedAnswer("What the shell said is missing.")
        return done.shell

    async def screenshot(self, *, format: Literal["png", "jpeg"] = "png", quality: int | None = None) -> bytes:
        """A picture of the whole screen. `quality`, 1 to 100, is a JPEG's."""
        path = f"/api/instances/{segment(self.id)}/screenshot"
        call = Call(
            "GET", path, params={"format": format, "quality": quality}, accept=f"image/{format}, application/json"
        )
        return (await self._transport.send(call)).content
