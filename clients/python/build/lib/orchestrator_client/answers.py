"""What all answers have in common, and how a response becomes one."""

from __future__ import annotations

from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator_client.errors import UnexpectedAnswer


class Answer(BaseModel):
    """What the platform answered, as attributes. Fields that this version doesn't know are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True, protected_namespaces=())


T = TypeVar("T", bound=BaseModel)


def read(model: type[T], value: Any) -> T:
    """`value`, from JSON, as a `model`.

    Raises:
        UnexpectedAnswer: it is none.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, fault["loc"]))
        raise UnexpectedAnswer(
            f"This is no {model.__name__} of this client's version of the API: {place}: {fault['msg']}."
        ) from error


def data(response: httpx.Response) -> Any:
    """The JSON of a good response; None where it has no body.

    Raises:
        UnexpectedAnswer: it is no JSON.
    """
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise UnexpectedAnswer(
            f"{response.request.url.host} did not answer with JSON. Is the address right?"
        ) from error
