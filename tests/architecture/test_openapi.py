"""The OpenAPI document says all that a client needs: an example of every body, and every answer that may come."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from common.api.examples import bodies
from common.api.serializers import StrictModelSerializer, StrictSerializer

DOCUMENT: dict[str, Any] = yaml.load(
    (Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml").read_text(), Loader=yaml.CSafeLoader
)
SCHEMAS: dict[str, dict[str, Any]] = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


_SESSIONS = {401, 403, 404, 409, 422, 429, 502, 503, 504}
PAGES = {
    "desktop": {400, 401, 403, 404, 409, 429, 500, 502},
    **dict.fromkeys(["start", "instance", "instances", "auth_states"], _SESSIONS),
}


def _schema(body: dict[str, Any]) -> dict[str, Any]:
    return {**body["schema"], "components": DOCUMENT["components"]}


def _examples(body: dict[str, Any]) -> list[Any]:
    return [body["example"]] if "example" in body else [one["value"] for one in body.get("examples", {}).values()]


def _must_answer(method: str, path: str, operation: dict[str, Any]) -> set[int]:
    """By what is asked, which refusals are possible; of a dialect, what its page lists."""
    if not path.startswith("/api/"):
        return PAGES[path.split("/")[2]]
    expected = {400, 406, 503}
    doors = operation.get("security", [{}])
    # `X-Site` and `site_id` may name another's site wherever a key is read.
    expected |= ({401, 404} if any(doors) else set()) | ({403} if {} not in doors else set())
    expected |= {404} if "{" in path else set()
    expected |= {408, 409, 429} if method != "GET" else set()
    expected |= {411, 413, 415} if method in {"POST", "PUT", "PATCH"} else set()
    expected |= {412} if method in {"PUT", "PATCH", "DELETE"} and "{" in path else set()
    acts = path.endswith(("/actions", "/screenshot"))
    return expected | ({409, 429, 502, 504} if acts else set()) | ({408, 409} if path.endswith("/wait") else set())


def test_no_schema_is_described_by_the_words_for_its_builders() -> None:
    ours = {" ".join((base.__doc__ or "").split()) for base in (StrictSerializer, StrictModelSerializer)}
    said = {name: " ".join(schema.get("description", "").split()) for name, schema in SCHEMAS.items()}
    assert [name for name, words in said.items() if words in ours] == []


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_error_that_may_come_is_described(name: str) -> None:
    method, path, operation = OPERATIONS[name]
    described = {int(status) for status in operation["responses"] if status >= "400"}
    assert _must_answer(method, path, operation) <= described


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_says_what_it_does_and_when_it_worked(name: str) -> None:
    operation = OPERATIONS[name][2]
    assert operation.get("description"), name
    assert operation["tags"] and any(status < "300" for status in operation["responses"])


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_body_has_examples_that_fit_its_schema(name: str) -> None:
    places = [(kind, body) for owner, _, kind, body in bodies(DOCUMENT) if owner == name]
    for kind, body in places:
        if kind.startswith(("image/", "video/")) or kind in {"application/octet-stream", "application/zip"}:
            continue
        examples = _examples(body)
        assert examples, (name, kind)
        if kind == "application/json":
            for example in examples:
                Draft202012Validator(_schema(body), format_checker=FormatChecker()).validate(example)


@pytest.mark.parametrize("status", sorted(DOCUMENT["components"]["responses"]))
def test_every_error_answer_is_an_example_of_the_one_shape(status: str) -> None:
    body = DOCUMENT["components"]["responses"][status]["content"]["application/json"]
    Draft202012Validator(_schema(body)).validate(body["example"])
    assert set(body["example"]) == {"error", "code", "details", "request_id"}
    assert body["example"]["code"] != "INTERNAL"


# Nobody has signed in there; see docs/limits.md.
WITHOUT_KEY = {"redeem_bootstrap", "accept_invitation", "request_password_reset", "confirm_password_reset"}


@pytest.mark.parametrize("name", sorted(name for name, (method, *_) in OPERATIONS.items() if method == "POST"))
def test_every_post_takes_an_idempotency_key(name: str) -> None:
    parameters = {(one["in"], one["name"]) for one in OPERATIONS[name][2].get("parameters", ())}
    assert (("header", "Idempotency-Key") in parameters) == (name not in WITHOUT_KEY)


@pytest.mark.parametrize("name", sorted(name for name, (method, *_) in OPERATIONS.items() if method == "PUT"))
def test_put_takes_what_patch_takes(name: str) -> None:
    _, path, put = OPERATIONS[name]
    patch = DOCUMENT["paths"][path].get("patch", put)
    assert put.get("requestBody") == patch.get("requestBody")


def test_each_parameter_can_be_given_a_value_that_its_schema_allows() -> None:
    """A flag that was a boolean and an enumeration of texts at once allowed none."""
    schemas = [one["schema"] for _, _, said in OPERATIONS.values() for one in said.get("parameters", ())]
    flags = [schema for schema in schemas if schema.get("type") == "boolean"]
    assert len(flags) > 5 and all(set(schema) <= {"type", "default"} for schema in flags)


def test_an_idempotency_key_is_told_to_look_as_the_door_wants_it() -> None:
    (told,) = {
        (one["schema"]["pattern"], one["schema"]["minLength"], one["schema"]["maxLength"])
        for _, _, said in OPERATIONS.values()
        for one in said.get("parameters", ())
        if one["name"] == "Idempotency-Key"
    }
    assert told == ("^[!-~]+$", 1, 255)


def test_no_reference_leads_nowhere() -> None:
    wanted: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            wanted.update([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(DOCUMENT)
    known = {f"#/components/{kind}/{name}" for kind, named in DOCUMENT["components"].items() for name in named}
    assert len(wanted) > 20 and wanted <= known


def test_the_walk_sees_the_operations(capsys: pytest.CaptureFixture[str]) -> None:
    places = list(bodies(DOCUMENT))
    examples = sum(len(_examples(body)) for _, _, _, body in places)
    errors = sum(status >= "400" for _, _, operation in OPERATIONS.values() for status in operation["responses"])
    with capsys.disabled():
        sys.stdout.write(f"\n{len(OPERATIONS)} operations: {examples} examples, {errors} error answers\n")
    assert len(OPERATIONS) > 50
