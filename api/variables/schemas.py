"""What routes about variables take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, Field, JsonValue, StringConstraints

from api.parameters import Body, Id, Millis, Word

VariableId = Annotated[str, Path(max_length=30, description="The id of a variable.")]
Scope = Annotated[Literal["user", "app"], Field(description="Whether each user has a value of it, or the application.")]
Description = Annotated[str, StringConstraints(max_length=4_000)]
TypeSchema = Annotated[
    dict[str, JsonValue],
    Field(description="Its type: string, integer, number, boolean, object or array, as JSON Schema."),
]
ShortWord = Annotated[str, StringConstraints(max_length=64)]

APP: Any = Field("", description="The application. Empty: what the space has for runs of no application.")
DEFAULT: Any = Field(None, description="What it is while nobody has set it; null means the empty of its type.")


class VariableIn(Body):
    """A variable to be defined."""

    scope: Scope
    name: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(examples=["language"])
    type: TypeSchema = Field(examples=[{"type": "string"}])
    app_id: Word = APP
    default: JsonValue = DEFAULT
    description: Description = ""
    enabled: bool = Field(True, description="Whether runs see it.")


class VariableChange(Body):
    """What is to be different; what is absent stays. Scope and name stay in any case."""

    type: TypeSchema | None = None
    default: JsonValue = DEFAULT
    description: Description | None = None
    enabled: bool | None = None


class VariableOut(BaseModel):
    """A variable."""

    id: Id
    app_id: str
    scope: Scope
    name: str
    type: dict[str, JsonValue]
    default: Any
    description: str
    enabled: bool
    created: Millis
    updated: Millis


class VariablePage(BaseModel):
    """Some variables, the newest first."""

    items: list[VariableOut]
    next_cursor: str | None


class ValueOut(BaseModel):
    """What a variable is for somebody."""

    name: str
    value: Any
    set: bool = Field(description="Whether somebody has set it; otherwise it is its default, or empty.")
    updated: Millis | None
    defined: bool = Field(description="Whether it is defined, and so has a type.")


class ValuesOut(BaseModel):
    """All variables of a user or an application, by name."""

    items: list[ValueOut]


class ValuesIn(Body):
    """Values to be set."""

    scope: Scope
    values: Annotated[dict[str, JsonValue], Field(min_length=1, max_length=500)] = Field(
        examples=[{"language": "中文"}]
    )
    app_id: Word = APP
    user_id: Word = Field("", description="The end user; without, the token itself.")
    channel: ShortWord = Field("", description="The channel through which the user comes.")
    workflow: Annotated[str, StringConstraints(max_length=100)] = Field(
        "", description="Id or key of the workflow whose own variables are meant, where there is no application."
    )
