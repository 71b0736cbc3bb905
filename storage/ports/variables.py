"""What we ask of the store of variables: values that outlive a run, and what is said of them beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from engine.values import Json

VariableScope = Literal["user", "app"]


@dataclass(frozen=True, slots=True)
class VariableDefinition:
    """What a variable is: its type as JSON Schema, and what it is while nobody has set it (null: its type's empty)."""

    scope: VariableScope
    name: str
    type: Mapping[str, Json]
    initial: Json = None
    description: str = ""
    enabled: bool = True


class Variables(Protocol):
    """User and app variables of a space. `owner` is whose they are: see `nodes.variables.owner_of`."""

    async def read(
        self, org_id: str, space_id: str, scope: VariableScope, owner: str, names: Sequence[str]
    ) -> dict[str, Json]:
        """The values of those names that are set."""
        ...

    async def write(
        self, org_id: str, space_id: str, scope: VariableScope, owner: str, values: Mapping[str, Json]
    ) -> None: ...

    async def definitions(
        self, org_id: str, space_id: str, app_id: str, scope: VariableScope
    ) -> Mapping[str, VariableDefinition]:
        """What is defined for an application, by name; for no application what the space has. Also the disabled."""
        ...
