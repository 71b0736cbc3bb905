"""What a case finds in the stores (variables, tables, plugins, knowledge, conversations), and the ids it has there."""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import Connection, insert

from engine.openapi.document import read_document
from engine.values import Json
from nodes.variables import Holder
from storage.definitions import DefinitionRepository
from storage.knowledge.repository import KnowledgeRepository
from storage.plugins import NewPlugin
from storage.ports.conversations import Party
from storage.ports.knowledge import NewDocument
from storage.ports.tables import Query, TableField, TableSettings, TableUse
from storage.ports.variables import VariableDefinition
from storage.stores import Stores
from storage.tables import Organisation, Space
from tests.interchange.cases import Case, Run, Variable

WORKFLOW: Final = "7"
"""The workflow that every run is of."""


def holder_of(run: Run, org_id: str) -> Holder:
    """Whose variables a run works with."""
    return Holder(org_id, org_id, run.user_id, run.app_id, "", WORKFLOW)


async def sow(stores: Stores, case: Case, org_id: str) -> dict[str, dict[str, str]]:
    """Put the case's world into the stores; gives the table of ids, with what the stores made of it."""
    await _home(stores, int(org_id))
    ids = {kind: dict(entries) for kind, entries in case.ids.items()}
    first, world = case.runs[0], case.world
    await _variables(stores, first, org_id, "user", world.user)
    await _variables(stores, first, org_id, "app", world.app)
    for name, table in world.tables.items():
        fields = tuple(TableField(**field.model_dump()) for field in table.fields)
        settings = TableSettings(name, fields, access=table.access)
        await stores.tables.create(org_id, org_id, settings)
        for draft, rows in ((False, table.rows), (True, table.draft_rows)):
            if rows:
                await stores.tables.insert(_use(name, org_id, draft=draft, user=first.user_id), rows)
    for name, plugin in world.plugins.items():
        described = read_document(plugin.document)
        url = str(plugin.document.get("x-base") or "https://tea.example.test")
        new = NewPlugin(name, url, plugin.document, described.tools, key=name)
        plugins = stores.plugins(int(org_id), int(org_id))
        made = await plugins.create(new)
        await plugins.publish(made.id)
    for name, documents in world.knowledge.items():
        bases = KnowledgeRepository(stores.database, stores.fulltext, int(org_id), int(org_id))
        base = str((await bases.create(name)).id)
        known = ids.setdefault("knowledge", {})
        known.update({there: base for there, here in known.items() if here == name})
        for title, text in documents.items():
            await stores.knowledge.write(org_id, org_id, base, NewDocument(title, text), key=f"seed/{title}")
    await _conversations(stores, case, org_id)
    return ids


async def conversation_of(stores: Stores, run: Run, org_id: str) -> str:
    """The id of the conversation that a run names."""
    if not run.conversation_id:
        return ""
    found = await stores.conversations.find(_party(run, org_id), run.conversation_id)
    return "" if found is None else found.id


async def held_rows(stores: Stores, case: Case, run: Run, org_id: str) -> dict[str, list[dict[str, Json]]]:
    """What the case's tables hold now, the oldest rows first."""
    held: dict[str, list[dict[str, Json]]] = {}
    for name in case.world.tables:
        use = _use(name, org_id, draft=run.draft, user=run.user_id)
        found = await stores.tables.query(use, Query(limit=100))
        held[name] = sorted(found.rows, key=lambda row: int(str(row["id"])))
    return held


async def _home(stores: Stores, id_: int) -> None:
    """An organisation and its space, under one id."""

    def job(connection: Connection) -> None:
        key = f"case-{id_}"
        connection.execute(insert(Organisation).values(id=id_, key=key, name=key, created=1))
        connection.execute(insert(Space).values(id=id_, org_id=id_, key=key, name=key, created=1))

    await stores.database.write(job)


def _use(table: str, org_id: str, *, draft: bool, user: str) -> TableUse:
    return TableUse(org_id, org_id, table, draft=draft, user=user, manage=True)


def _party(run: Run, org_id: str) -> Party:
    return Party(org_id, org_id, run.app_id, run.user_id, "", run.draft)


async def _variables(
    stores: Stores, run: Run, org_id: str, scope: Literal["user", "app"], variables: dict[str, Variable]
) -> None:
    definitions = DefinitionRepository(stores.database, int(org_id), int(org_id))
    for name, one in variables.items():
        await definitions.create(run.app_id, VariableDefinition(scope, name, one.type, one.initial))
    values = {name: one.value for name, one in variables.items() if one.value is not None}
    if values:
        owner = holder_of(run, org_id).owner(scope)
        await stores.variables.write(org_id, org_id, scope, owner, values)


async def _conversations(stores: Stores, case: Case, org_id: str) -> None:
    party = _party(case.runs[0], org_id)
    for name, conversation in case.world.conversations.items():
        if conversation.static:
            await stores.conversations.define(org_id, org_id, party.app_id, name)
            if not conversation.messages:
                continue
        opened = await stores.conversations.open(party, name)
        for message in conversation.messages:
            await stores.conversations.add(org_id, org_id, opened.conversation.id, message.role, message.content)
