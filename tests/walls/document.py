"""What the OpenAPI document offers: its operations, and real requests made from their examples."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from rest_framework.test import APIClient

from common.ids import new_id
from sites.models import Site
from sites.roles import Role
from tests import make

_FILE = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.load(_FILE.read_text(), Loader=yaml.CSafeLoader)


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    name: str
    method: str
    path: str
    said: dict[str, Any]

    @property
    def noun(self) -> str:
        """What the address names first, whose row `{id}` is."""
        return self.path.split("/")[2]

    @property
    def is_dialect(self) -> bool:
        """Whether it is another service's API over ours."""
        return not self.path.startswith("/api/")

    @property
    def is_open(self) -> bool:
        """Whether it answers somebody who shows nothing."""
        return {} in self.said.get("security", [{}])

    @property
    def streams(self) -> bool:
        """Whether it answers with nothing but a stream of events."""
        return list(self.said["responses"].get("200", {}).get("content", {})) == ["text/event-stream"]

    @property
    def body(self) -> Any:
        """The first example of what is sent, or None."""
        sent = self.said.get("requestBody", {}).get("content", {}).get("application/json", {})
        return sent["example"] if "example" in sent else next(iter(sent.get("examples", {}).values()), {}).get("value")

    @property
    def answers(self) -> frozenset[str]:
        """The media types of its 200."""
        return frozenset(self.said["responses"].get("200", {}).get("content", {}))

    @property
    def queries(self) -> frozenset[str]:
        """The names that it reads in an address."""
        return frozenset(one["name"] for one in self.said.get("parameters", ()) if one["in"] == "query")

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        """What it reads in a JSON body, each with its schema."""
        sent = self.said.get("requestBody", {}).get("content", {}).get("application/json", {})
        return _fields(sent.get("schema", {}))


def _fields(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    if "$ref" in schema:
        return _fields(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    found = dict(schema.get("properties", {}))
    for choice in ("allOf", "oneOf", "anyOf"):
        for inner in schema.get(choice, ()):
            found |= _fields(inner)
    return found


OPERATIONS = {
    said["operationId"]: Operation(said["operationId"], method.upper(), path, said)
    for path, methods in DOCUMENT["paths"].items()
    for method, said in methods.items()
}


@dataclass
class Place:
    """A site with whatever rows the operations ask for, each made over the API by its owner from the examples."""

    site: Site = field(default_factory=make.site)

    def __post_init__(self) -> None:
        self.owner = make.client(self.site)
        self.rows: dict[str, dict[str, Any]] = {"sites": {"id": str(self.site.pk)}}

    def row(self, noun: str) -> dict[str, Any]:
        if noun not in self.rows:
            made = {
                "memberships": self._membership,
                "deliveries": self._delivery,
                "recordings": self._recording,
                "desktop": lambda: self.row("instances"),
                "instance": lambda: self.row("instances"),
            }
            self.rows[noun] = made.get(noun, lambda: self._made(noun))()
        return self.rows[noun]

    def _delivery(self) -> dict[str, Any]:
        return dict(self.owner.post(f"/api/webhooks/{self.row('webhooks')['id']}/ping").json())

    def _recording(self) -> dict[str, Any]:
        return dict(self.owner.post(f"/api/instances/{self.row('instances')['id']}/recordings").json())

    def ids(self, operation: Operation) -> dict[str, str]:
        """What its path names, of this place's rows."""
        found = {}
        if "{id}" in operation.path:
            found["id"] = self.row(operation.noun)["id"]
        if "{step_id}" in operation.path:
            found["step_id"] = self.row(operation.noun)["steps"][0]["id"]
        if "{delivery_id}" in operation.path:
            found["delivery_id"] = self.row("deliveries")["id"]
        return found

    def ask(
        self,
        operation: Operation,
        client: APIClient,
        *,
        ids: dict[str, str] | None = None,
        said: dict[str, Any] | None = None,
        query: str = "",
        **headers: str,
    ) -> Any:
        """Send the operation's example, about the rows of this place. A stream is asked for and not read.

        `ids` stand in the path instead, `said` in the body or else in the query, `query` in the address besides.
        """
        path, said = operation.path, said or {}
        for name, value in (self.ids(operation) if ids is None else ids).items():
            path = path.replace("{" + name + "}", value)
        asked = {**self._usual(path), **{name: said[name] for name in said if name not in operation.fields}}
        queries = [f"{name}={value}" for name, value in asked.items()] + [query] * bool(query)
        address = f"{path}?{'&'.join(queries)}" if queries else path
        body = self._body(operation, {name: value for name, value in said.items() if name in operation.fields})
        send = async_to_sync(streamed) if operation.streams else APIClient.generic
        answer = send(client, operation.method, address, body, "application/json", headers=headers or None)
        answer.close()
        return answer

    def _usual(self, path: str) -> dict[str, str]:
        """What an address must say besides for an answer, and at once."""
        if path.endswith(("/modify_auth", "/authenticate")):
            return {"auth_state_id": self.row("browser-states")["id"]}
        last = path.rpartition("/")[2]
        return {"wait": {"status": "pending", "timeout_s": "0"}, "files": {"path": "notes.txt"}}.get(last, {})

    def _body(self, operation: Operation, said: dict[str, Any]) -> str:
        if operation.body is None:
            return ""
        email = make.user().email if operation.noun == "memberships" else f"{new_id().hex}@example.com"
        body = self.fitted(operation.body, email)
        return json.dumps({**body, **said} if said else body)

    def fitted(self, value: Any, email: str) -> Any:
        """An example with the ids of this place's rows in it, this email, and a role that anybody may give."""
        if isinstance(value, list):
            return [self.fitted(item, email) for item in value]
        if not isinstance(value, dict):
            return value
        return {name: self._real(name, self.fitted(inner, email), email) for name, inner in value.items()}

    def _real(self, name: str, value: Any, email: str) -> Any:
        match name:
            case "site_id":
                return str(self.site.pk)
            case "user_id":
                return self.row("users")["id"]
            case "agent_id":
                return self.row("agents")["id"]
            case "template_id":
                return self.row("templates")["id"]
            case "browser_state_id":
                return self.row("browser-states")["id"]
            case "instance_id":
                return self.row("instances")["id"]
            case "email":
                return email
            case "role":
                return Role.VIEWER
        return value

    def _made(self, noun: str) -> dict[str, Any]:
        create = next(one for one in OPERATIONS.values() if (one.method, one.path) == ("POST", f"/api/{noun}"))
        made = self.ask(create, self.owner)
        if made.status_code == 409:  # a request of the test's own has taken the example's name
            made = self.ask(create, self.owner, said={"name": new_id().hex})
        assert made.status_code == 201, made.content
        return dict(made.json())

    def _membership(self) -> dict[str, Any]:
        listed = self.owner.get(f"/api/memberships?user_id={self.row('users')['id']}")
        return dict(listed.json()["results"][0])


async def streamed(client: APIClient, method: str, path: str, body: str, kind: str, headers: Any = None) -> Any:
    """The same caller, where streams are served."""
    shown = {**(headers or {}), "authorization": client._credentials["HTTP_AUTHORIZATION"]}
    return await AsyncClient().generic(method, path, body, kind, headers=shown)
