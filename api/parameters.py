"""Parameters that many routes share: pages, ids, moments."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="`next_cursor` of the page before; absent for the first page.")
]
WorkflowRef = Annotated[str, Path(max_length=100, description="The id of a workflow, or its key.", examples=["greet"])]
RunId = Annotated[str, Path(max_length=30, description="The id of a run.", examples=["208134112739467264"])]

Force = Annotated[bool, Query(description="Also while the draft or latest version of a workflow uses it (409).")]

Word = Annotated[str, StringConstraints(max_length=191)]
"""A word of the caller's own: a name, an application, an end user."""
Millis = Annotated[int, Field(description="UTC milliseconds.", examples=[1_795_000_000_000])]
Id = Annotated[str, Field(description="A number of 63 bits, as a text.", examples=["208134112739467264"])]


class Body(BaseModel):
    """What comes in: an unknown field is a mistake, not a wish that nobody heard."""

    model_config = ConfigDict(extra="forbid")
