"""What is done on an instance, in this dialect: hands, shell, files and variables."""

from __future__ import annotations

import base64
import shlex
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import Invalid, PlatformError
from facades.sessions_v1 import actions, bodies, shapes
from facades.sessions_v1.views import SessionView, told
from guest.protocol import actions as ours
from instances import batches, perform
from instances.perform import Done

_TOLD_AS_TEXT = {"BAD_ACTION", "UNSUPPORTED", "GUEST_FAILED"}
_PNG = ours.Screenshot(format="png")
_ANY = {"application/json": {"type": "object", "additionalProperties": True}}


def _example(value: dict[str, Any]) -> list[OpenApiExample]:
    return [OpenApiExample("For instance", value, request_only=True)]


class ActingView(SessionView):
    """One address where something is done on a machine."""

    scopes = {"POST": "instances:act"}

    def act(self, pk: UUID, wished: dict[str, Any]) -> Done:
        try:
            action = ours.parse({name: value for name, value in wished.items() if value is not None})
        except ours.BadAction as error:
            raise Invalid(str(error)) from error
        return perform.act(self.principal, pk, action)

    def text(self, pk: UUID, wished: dict[str, Any]) -> Response:
        """What the machine says, or why it did not do it: the client reads that from the answer's body."""
        try:
            return Response(shapes.said(self.act(pk, wished).answer.result))
        except PlatformError as error:
            return Response(_why(error))


class ScreenshotView(ActingView):
    """The screen."""

    @told("screenshot_session", shapes.SessionPictureSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        """A PNG in base64."""
        return Response(shapes.picture(perform.act(self.principal, pk, _PNG).answer.blob))


class ComputerView(ActingView):
    """Mouse, keyboard and screen."""

    @told(
        "act_on_session",
        shapes.SessionDoneSerializer,
        request={"application/json": {"$ref": "#/components/schemas/SessionsAction"}},
        examples=_example({"action": "click_mouse", "button": "left", "coordinates": [500, 300]}),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Do it, and unless `screenshot` is false answer with the screen as it is then."""
        action: actions.AnyComputerAction = bodies.read(request.data, actions.AnyComputerAction)
        picture = _PNG if actions.shows_the_screen(action) else None
        wanted = actions.in_ours(action)
        # Not stopped by a failure: keys that were pressed must be released.
        done = batches.act_all(self.principal, pk, wanted, stop_on_failure=False, picture=picture)
        answer: dict[str, Any] = {"output": ""}
        for result in done.results:
            answer |= _why(result) if isinstance(result, PlatformError) else shapes.said(result.answer.result)
        return Response(answer | (shapes.picture(done.picture.answer.blob) if done.picture else {}))


class BashView(ActingView):
    """Commands."""

    @told("run_in_session", shapes.SessionDoneSerializer, request=_ANY, examples=_example({"command": "ls"}))
    def post(self, request: Request, pk: UUID) -> Response:
        """Run a command, each in a shell of its own: sessions are not kept."""
        wanted: bodies.Bash = bodies.read(request.data, bodies.Bash)
        if wanted.command is None:
            perform.must_run(self.principal, pk)
            return Response({"system": "Each command has a shell of its own; no sessions are kept."})
        return self.text(pk, {"type": "bash", "command": wanted.command, "timeout_s": wanted.timeout or 120.0})


class EditView(ActingView):
    """Text files, by small commands."""

    @told(
        "edit_in_session",
        shapes.SessionDoneSerializer,
        request=_ANY,
        examples=_example({"command": "view", "path": "notes.txt"}),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """view, create, str_replace, insert or undo_edit."""
        wanted: bodies.Edit = bodies.read(request.data, bodies.Edit)
        return self.text(pk, {"type": "edit", **{name: getattr(wanted, name) for name in wanted.__struct_fields__}})


class FileView(ActingView):
    """Files, by small commands."""

    @told(
        "use_file_in_session",
        shapes.SessionDoneSerializer,
        request=_ANY,
        examples=_example({"command": "read", "path": "notes.txt"}),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """read, write, append, list, exists, delete, mkdir, move, copy, or a command of edit."""
        wanted: bodies.File = bodies.read(request.data, bodies.File)
        match wanted.command:
            case "read":
                return self._read(pk, wanted)
            case "write" | "append":
                return self._write(pk, wanted)
            case "view" | "create" | "insert" | "undo_edit" | "undo" | "replace" | "str_replace":
                return self.text(pk, _edit(wanted))
            case "list" | "exists" | "delete" | "mkdir" | "move" | "copy":
                return self.text(pk, {"type": "bash", "command": _command(wanted)})
        raise Invalid(f"command: There is no {wanted.command[:64]!r} here.")

    def _read(self, pk: UUID, wanted: bodies.File) -> Response:
        try:
            content = self.act(pk, {"type": "read_file", "path": wanted.path or ""}).answer.blob
        except PlatformError as error:
            return Response(_why(error))
        if _is_binary(wanted):
            return Response({"output": base64.b64encode(content).decode()})
        return Response({"output": content.decode(errors="replace")})

    def _write(self, pk: UUID, wanted: bodies.File) -> Response:
        place = "data" if _is_binary(wanted) else "content"
        wished = {"type": "write_file", "path": wanted.path or "", place: wanted.content or ""}
        return self.text(pk, {**wished, "append": wanted.command == "append"})


class UploadView(ActingView):
    """A file, as a form sends it."""

    parser_classes = [MultiPartParser]

    @told("upload_to_session", shapes.SessionMessageSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        """`file` to `path`; 2 MiB at most."""
        perform.must_run(self.principal, pk)
        form: Any = request.data
        sent, path = form.get("file"), form.get("path")
        if not hasattr(sent, "read") or not isinstance(path, str):
            raise Invalid("file: Send a form with `file` and `path`.")
        self.act(pk, {"type": "write_file", "path": path, "data": sent.read()})
        return Response({"filename": sent.name, "path": path, "media_type": sent.content_type})


class EnvView(ActingView):
    """The instance's variables."""

    scopes = {"GET": "instances:act", "POST": "instances:act"}

    @told("get_session_env", shapes.SessionVariablesSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """As its shells find them."""
        done = self.act(pk, {"type": "get_environment"})
        return Response({"variables": done.answer.result.environment or {}})

    @told(
        "set_session_env",
        shapes.SessionMessageSerializer,
        request=_ANY,
        examples=_example({"variables": {"LANG": "C.UTF-8"}}),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Set some; the others stay."""
        wanted: bodies.Variables = bodies.read(request.data, bodies.Variables)
        self.act(pk, {"type": "set_environment", "variables": wanted.variables})
        return Response({"status": "success", "message": "The variables are set."})


class UnsetEnvView(ActingView):
    """Take variables away."""

    @told("delete_session_env", shapes.SessionMessageSerializer, request=_ANY, examples=_example({"keys": ["LANG"]}))
    def post(self, request: Request, pk: UUID) -> Response:
        """One that is not there is no error."""
        wanted: bodies.Names = bodies.read(request.data, bodies.Names)
        self.act(pk, {"type": "unset_environment", "names": wanted.keys})
        return Response({"status": "success", "message": "The variables are gone."})


def _why(error: PlatformError) -> dict[str, Any]:
    if error.code not in _TOLD_AS_TEXT:
        raise error
    return {"error": error.message}


def _is_binary(wanted: bodies.File) -> bool:
    return wanted.encoding == "base64" or (wanted.mode or "").endswith("b") or wanted.mode == "binary"


def _edit(wanted: bodies.File) -> dict[str, Any]:
    names = {"undo": "undo_edit", "replace": "str_replace"}
    return {
        "type": "edit",
        "command": names.get(wanted.command, wanted.command),
        "path": wanted.path or "",
        "file_text": wanted.content if wanted.command == "create" else None,
        "view_range": wanted.view_range,
        "old_str": wanted.old_str,
        "new_str": wanted.new_str if wanted.new_str is not None else wanted.text,
        "insert_line": wanted.line,
    }


def _command(wanted: bodies.File) -> str:
    path = shlex.quote(wanted.path or ".")
    both = f"{shlex.quote(wanted.src or '')} {shlex.quote(wanted.dst or '')}"
    return {
        "list": f"ls -1{'R' if wanted.recursive else ''} -- {path}",
        "exists": f"test -e {path} && echo true || echo false",
        "delete": f"rm {'-r ' if wanted.recursive else ''}-- {path}",
        "mkdir": f"mkdir -p -- {path}",
        "move": f"mv -- {both}",
        "copy": f"cp {'-r ' if wanted.recursive else ''}-- {both}",
    }[wanted.command]
