"""The rules around variables: types that make sense, defaults that fit them, and whose values are meant."""

from __future__ import annotations

from typing import Any, Final

from api.access import Member
from api.errors import PermissionDenied
from api.variables.schemas import ValueOut, VariableChange, VariableIn
from api.workflows.catalogue import Catalogue
from engine.conversion import convert_strictly
from engine.errors import InvalidInput
from engine.findings import listed
from engine.values import Json
from nodes.variables import Holder, definitions_of, initial_of, typed_value, write_variables
from storage.audit import Actor, Deed, Note
from storage.definitions import Defined, DefinitionRepository
from storage.ports.variables import VariableDefinition, VariableScope
from storage.stores import Stores

_TYPES: Final = ("string", "integer", "number", "boolean", "object", "array")
_DEEPEST: Final = 20


def repository(member: Member, stores: Stores) -> DefinitionRepository:
    """The definitions of the member's space."""
    return DefinitionRepository(stores.database, member.org_id, member.space_id)


async def define(body: VariableIn, member: Member, stores: Stores, actor: Actor) -> Defined:
    """Define a variable. Raises `Conflict` when the name is taken, `InvalidInput` for a type that is none."""
    wanted = _definition(
        body.scope, body.name, body.type, body.default, description=body.description, enabled=body.enabled
    )
    note = Note(actor, Deed("variable.define", "variable"))
    return await repository(member, stores).create(body.app_id, wanted, note)


async def redefine(definition_id: int, body: VariableChange, member: Member, stores: Stores, actor: Actor) -> Defined:
    """Change what a variable is; values that were set stay, and are read as the new type."""
    mine = repository(member, stores)
    known = (await mine.get(definition_id)).definition
    given = body.model_fields_set
    wanted = _definition(
        known.scope,
        known.name,
        dict(known.type) if body.type is None else body.type,
        body.default if "default" in given else known.initial,
        description=known.description if body.description is None else body.description,
        enabled=known.enabled if body.enabled is None else body.enabled,
    )
    return await mine.change(definition_id, wanted, Note(actor, Deed("variable.change", "variable")))


async def holder_of(
    scope: VariableScope,
    member: Member,
    catalogue: Catalogue,
    *,
    app_id: str,
    user_id: str,
    channel: str,
    workflow: str,
) -> Holder:
    """Whose variables a request means. Raises `InvalidInput` where nobody is named, `NotFound` for no workflow."""
    if scope == "app" and not app_id and not workflow:
        raise InvalidInput("Name the application, or the workflow whose own variables are meant.", field="app_id")
    own = str((await catalogue.workflow(member, workflow)).id) if workflow and scope == "app" else ""
    user = user_id or member.person
    if not member.sees(user):
        raise PermissionDenied("This token speaks for one end user alone.", field="user_id")
    return Holder(str(member.org_id), str(member.space_id), user, app_id, channel, own)


async def values_of(scope: VariableScope, holder: Holder, stores: Stores) -> list[ValueOut]:
    """Every variable of a holder, by name: those that are set, and those that are defined."""
    defined = await definitions_of(stores.variables, holder, scope)
    kept = await stores.variables.all(holder.org_id, holder.space_id, scope, holder.owner(scope))
    shown: dict[str, ValueOut] = {}
    for name, (value, updated) in kept.items():
        definition = None if defined is None else defined.get(name)
        if defined is not None and definition is None:
            # Runs do not see it either: it is defined no more, or switched off.
            continue
        typed = value if definition is None else typed_value(definition, value)[0]
        shown[name] = ValueOut(name=name, value=typed, set=True, updated=updated, defined=definition is not None)
    for name, definition in (defined or {}).items():
        if name not in shown:
            initial = initial_of(definition)
            shown[name] = ValueOut(name=name, value=initial, set=False, updated=None, defined=True)
    return [shown[name] for name in sorted(shown)]


async def set_values(scope: VariableScope, holder: Holder, values: dict[str, Any], stores: Stores) -> None:
    """Set variables of a holder, as a run would. Raises `InvalidInput` for what is not defined, or does not fit."""
    defined = await definitions_of(stores.variables, holder, scope)
    for name in values:
        if defined is not None and name not in defined:
            raise InvalidInput(f"There is no such variable; defined are {listed(defined)}.", field=f"values.{name}")
    await write_variables(stores.variables, holder, scope, values)


async def reset_values(scope: VariableScope, holder: Holder, names: list[str] | None, stores: Stores) -> None:
    """Let variables be as if nobody had ever set them; without names all of the holder's."""
    await stores.variables.forget(holder.org_id, holder.space_id, scope, holder.owner(scope), names)


def _definition(
    scope: VariableScope, name: str, type_: dict[str, Any], initial: Json, *, description: str, enabled: bool
) -> VariableDefinition:
    _check_type(type_, "type", 0)
    if initial is not None:
        fitting: Any = convert_strictly(initial, type_, field="default")
        initial = fitting
    return VariableDefinition(scope, name, type_, initial, description, enabled)


def _check_type(schema: object, field: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise InvalidInput(f"The type is nested more than {_DEEPEST} levels deep.", field=field)
    kind = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(schema, dict) or kind not in _TYPES:
        raise InvalidInput(f"A type is one of {', '.join(_TYPES)}.", field=f"{field}.type")
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise InvalidInput("The properties of an object are named.", field=f"{field}.properties")
    for name, inner in properties.items():
        _check_type(inner, f"{field}.properties.{name}", depth + 1)
    if "items" in schema:
        _check_type(schema["items"], f"{field}.items", depth + 1)
