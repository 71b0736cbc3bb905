"""Variables that outlive a run: whose they are, of which type, and what they are while nobody has set them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, cast

from engine.conversion import convert, convert_strictly
from engine.errors import NodeFailed
from engine.findings import listed
from engine.runtime import RunContext
from engine.schema import zero_of
from engine.values import Json
from storage.ports.variables import VariableDefinition, Variables, VariableScope

VARIABLES_FAILED: Final = 777777764
_LONGEST_OWNER: Final = 191


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose variables a run or a person works with. `workflow_id` stands for the application where there is none."""

    org_id: str
    space_id: str
    user_id: str
    app_id: str = ""
    channel: str = ""
    workflow_id: str = ""

    @classmethod
    def of(cls, run: RunContext) -> Holder:
        """Those of a run."""
        return cls(run.org_id, run.space_id, run.user_id, run.app_id, run.channel, run.workflow_id)

    def owner(self, scope: VariableScope) -> str:
        """The name under which the store keeps them; empty when there is nobody.

        An application's user variables belong to one user on one channel. Without application and channel they are the
        user's in the whole space.
        """
        if scope == "app":
            return self.app_id or self.workflow_id
        if not self.user_id or not (self.app_id or self.channel or self.user_id.startswith("[")):
            return self.user_id
        words = json.dumps([self.app_id, self.channel, self.user_id], ensure_ascii=False)
        return words if len(words) <= _LONGEST_OWNER else f"[{sha256(words.encode(errors='replace')).hexdigest()}]"


async def read_variables(
    variables: Variables, holder: Holder, scope: VariableScope, names: Sequence[str]
) -> tuple[dict[str, Json], list[str]]:
    """The values of these names and what is to be said of them: what is set, else what they are before.

    Where nothing is defined every name is a variable, null until it is set. Raises `NodeFailed` for a name that is not
    among those defined.
    """
    if not names:
        return {}, []
    defined = await definitions_of(variables, holder, scope)
    if defined is not None:
        check_known(defined, scope, names)
    kept = await variables.read(holder.org_id, holder.space_id, scope, holder.owner(scope), names)
    if defined is None:
        return kept, []
    read: dict[str, Json] = {}
    warnings: list[str] = []
    for name in names:
        value, said = typed_value(defined[name], kept[name]) if name in kept else (initial_of(defined[name]), [])
        read[name] = value
        warnings += said
    return read, warnings


async def write_variables(
    variables: Variables, holder: Holder, scope: VariableScope, values: Mapping[str, Json]
) -> None:
    """Set variables, each of the type that is defined for it.

    Raises `NodeFailed` for a name that is not defined or where there is nobody to keep them for, and `InvalidInput` for
    a value that does not fit.
    """
    if not values:
        return
    owner = holder.owner(scope)
    if not owner:
        raise NodeFailed(
            f"This run has no {scope}, so there is nobody whose variables could be set.",
            variables=[*values],
            number=VARIABLES_FAILED,
        )
    defined = await definitions_of(variables, holder, scope)
    if defined is not None:
        check_known(defined, scope, [*values])
        values = {
            name: cast("Json", convert_strictly(value, dict(defined[name].type), field=name))
            for name, value in values.items()
        }
    await variables.write(holder.org_id, holder.space_id, scope, owner, values)


async def definitions_of(
    variables: Variables, holder: Holder, scope: VariableScope
) -> Mapping[str, VariableDefinition] | None:
    """What is defined and switched on, by name; None where nothing is defined, so that everything goes."""
    defined = await variables.definitions(holder.org_id, holder.space_id, holder.app_id, scope)
    return {name: one for name, one in defined.items() if one.enabled} if defined else None


def check_known(defined: Mapping[str, VariableDefinition], scope: VariableScope, names: Sequence[str]) -> None:
    """Raises `NodeFailed` for a name that is not defined, or switched off."""
    for name in names:
        if name not in defined:
            raise NodeFailed(
                f'There is no {scope} variable "{name[:80]}"; defined are {listed(defined)}.',
                variable=name,
                number=VARIABLES_FAILED,
            )


def initial_of(definition: VariableDefinition) -> Json:
    """What a variable is while nobody has set it: its default, or else the empty of its type."""
    return zero_of(dict(definition.type)) if definition.initial is None else definition.initial


def typed_value(definition: VariableDefinition, value: Json) -> tuple[Json, list[str]]:
    """A stored value as the type that is defined now, which may be another than when it was set."""
    schema = dict(definition.type)
    if value is None or (value == "" and schema.get("type") != "string"):
        return zero_of(schema), []
    made, said = convert(value, schema, path=definition.name)
    return cast("Json", made), said
