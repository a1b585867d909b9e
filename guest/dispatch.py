"""From a verb and its arguments to a hand, and from what came of it to an answer."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import msgspec

from guest.browser import Browser
from guest.browserstate import read_state, write_state
from guest.desktop.base import ActionFailed, Commands, Desktop, bad_action, failed, unsupported
from guest.editor import Editor
from guest.environment import BadEnvironment, InstanceEnvironment
from guest.files import Files
from guest.protocol import actions, results
from guest.protocol.hello import Configure
from guest.streams import Streams

log = logging.getLogger(__name__)

_NOTHING = results.Result()


class Dispatcher:
    """Calls may run at once; but input to the desktop is one at a time, in the order it was asked."""

    def __init__(
        self,
        desktop: Desktop,
        shell: Commands,
        environment: InstanceEnvironment,
        streams: Streams,
        *,
        files: Files,
        browser: Browser | None,
    ) -> None:
        self._desktop = desktop
        self._shell = shell
        self._environment = environment
        self._streams = streams
        self._files = files
        self._editor = Editor(files)
        self._browser = browser
        self._input = asyncio.Lock()

    async def call(self, verb: object, arguments: object) -> tuple[dict[str, Any], bytes]:
        """The answer's result and blob.

        Raises:
            ActionFailed: with what the caller is told.
        """
        match verb:
            case "act":
                result, blob = await self._act(arguments)
                described: dict[str, Any] = msgspec.to_builtins(result)
                return described, blob
            case "configure":
                self._configure(arguments)
                return {}, b""
            case "stream":
                await self._streams.open(arguments)
                return {}, b""
            case "read_browser":
                return {}, await read_state(self._a_browser().port)
            case "write_browser":
                await write_state(self._a_browser().port, arguments)
                return {}, b""
            case _:
                raise unsupported(f"this guest knows no verb {str(verb)[:64]!r}")

    async def _act(self, arguments: object) -> tuple[results.Result, bytes]:
        try:
            action = actions.parse(arguments)
        except actions.BadAction as error:
            raise bad_action(str(error)) from error
        match action:
            case actions.Screenshot():
                image, content = await self._desktop.screenshot(action)
                return results.Result(image=image), content
            case actions.CursorPosition():
                return results.Result(cursor=await self._desktop.cursor()), b""
            case actions.Bash():
                return results.Result(shell=await self._bash(action)), b""
            case actions.Wait():
                await asyncio.sleep(action.duration_ms / 1000)
            case actions.ReadFile() | actions.WriteFile() | actions.ListFiles():
                return await asyncio.to_thread(self._files.act, action)
            case actions.Edit():
                return results.Result(text=await asyncio.to_thread(self._editor.edit, action)), b""
            case actions.GetEnvironment() | actions.SetEnvironment() | actions.UnsetEnvironment():
                return results.Result(environment=self._variables(action)), b""
            case actions.CurrentUrl() | actions.Navigate():
                return results.Result(url=await self._browse(action)), b""
            case _:
                async with self._input:
                    await self._put_in(action)
        return _NOTHING, b""

    async def _put_in(self, action: actions.AnyAction) -> None:
        match action:
            case actions.Click():
                await self._desktop.click(action)
            case actions.Move():
                await self._desktop.move(action)
            case actions.Drag():
                await self._desktop.drag(action)
            case actions.Scroll():
                await self._desktop.scroll(action)
            case actions.Type():
                await self._desktop.type(action)
            case actions.Press():
                await self._desktop.press(action)
            case _:
                raise unsupported(f"this guest knows no action {type(action).__name__}")

    async def _bash(self, action: actions.Bash) -> results.Shell:
        try:
            return await self._shell.run(action.command, action.timeout_s)
        except ValueError as error:
            raise bad_action(f"no shell takes this command: {error}") from error
        except OSError as error:
            raise failed(f"the shell did not start: {error.strerror}") from error

    async def _browse(self, action: actions.CurrentUrl | actions.Navigate) -> str:
        browser = self._a_browser()
        return await (browser.navigate(action.url) if isinstance(action, actions.Navigate) else browser.current_url())

    def _a_browser(self) -> Browser:
        if self._browser is None:
            raise unsupported("this machine has no browser of its own")
        return self._browser

    def _variables(
        self, action: actions.GetEnvironment | actions.SetEnvironment | actions.UnsetEnvironment
    ) -> dict[str, str] | None:
        """The variables, for who asks for them: who changes them is told nothing."""
        variables = dict(self._environment.variables)
        match action:
            case actions.GetEnvironment():
                return variables
            case actions.SetEnvironment():
                self._change(variables | action.variables)
            case actions.UnsetEnvironment():
                self._change({name: value for name, value in variables.items() if name not in action.names})
        return None

    def _configure(self, arguments: object) -> None:
        try:
            self._change(msgspec.convert(arguments, Configure).environment)
        except msgspec.ValidationError as error:
            raise bad_action(str(error)) from error

    def _change(self, variables: dict[str, str]) -> None:
        try:
            self._environment.change(variables)
        except BadEnvironment as error:
            raise bad_action(str(error)) from error
        except OSError as error:
            raise failed(f"the environment could not be written: {error.strerror}") from error


async def answer(dispatcher: Dispatcher, verb: object, arguments: object) -> tuple[dict[str, Any], bytes]:
    """The fields of an answer, `ok` or not, and its blob. Raises nothing: this is the guest's outermost door."""
    try:
        result, blob = await dispatcher.call(verb, arguments)
    except ActionFailed as error:
        return {"ok": False, "error": msgspec.to_builtins(error.failure)}, b""
    except Exception as error:
        log.exception("a call failed in a way that nobody foresaw")
        unforeseen = failed(f"the guest stumbled over this: {type(error).__name__}")
        return {"ok": False, "error": msgspec.to_builtins(unforeseen.failure)}, b""
    return {"ok": True, "result": result}, blob
