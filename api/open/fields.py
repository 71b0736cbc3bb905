"""What bodies and queries of the open API are made of: SDKs send nulls, empty parameters, and fields of their own."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from api.reading import strict_route

OpenRoute: Final = strict_route("run_input_bytes")
"""The class of the routes of the open API."""


class OpenBody(BaseModel):
    """What comes in: a null is as good as nothing, and what we do not know is left alone."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, body: Any) -> Any:
        return {name: value for name, value in body.items() if value is not None} if isinstance(body, dict) else body


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _otherwise(default: int) -> BeforeValidator:
    return BeforeValidator(lambda value: default if value in {"", None} else value)


OpenId = Annotated[
    str,
    BeforeValidator(_text),
    StringConstraints(max_length=191),
    Field(description="An id: a number, written as a text.", examples=["208134112739467264"]),
]
"""A number does as well: JSON has room for it, and programs that were written by hand send one."""
QueryId = Annotated[str, Query(max_length=191, description="An id; empty is as good as absent.")]
PageNum = Annotated[int, _otherwise(1), Query(ge=1, le=1_000_000, description="The page, counted from 1.")]


PageSize20 = Annotated[int, _otherwise(20), Query(ge=1, le=200, description="How many at most.")]
PageSize50 = Annotated[int, _otherwise(50), Query(ge=1, le=200, description="How many at most.")]
PageSize100 = Annotated[int, _otherwise(100), Query(ge=1, le=200, description="How many at most.")]


def word(text: str) -> str:
    """The word that a parameter stands for: the SDK sends some as `WorkflowMode.CHATFLOW`."""
    return text.rpartition(".")[2].strip().lower()
