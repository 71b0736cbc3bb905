"""How workflows are copied: with new ids, without anything secret, and with a word on what is missing where they go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.access import Member
from api.interchange.surroundings import Surroundings
from api.workflows.catalogue import Catalogue, Drafts
from api.workflows.filing_schemas import CopyIn
from api.workflows.service import folder_number
from engine.diagnostics import Diagnostic
from engine.errors import LimitExceeded, NotFound
from engine.findings import short
from engine.interchange.needs import needs, renamed
from storage.audit import Actor, Deed, Note
from storage.ids import new_id
from storage.stores import Stores
from storage.tables import Workflow
from storage.tables.columns import NAME_LENGTH
from storage.workflows import NewWorkflow

MOST_COPIED: Final = 100
"""At once."""
_WORDS: Final = {"model": "model", "database": "database", "plugin": "plugin", "knowledge": "knowledge base"}


class Copier:
    """Copies workflows of one space into another, or into the same."""

    def __init__(
        self,
        member: Member,
        target: Member,
        actor: Actor,
        stores: Stores,
        catalogue: Catalogue,
        surroundings: Surroundings,
    ) -> None:
        self._member = member
        self._target = target
        self._actor = actor
        self._stores = stores
        self._catalogue = catalogue
        self._surroundings = surroundings

    async def copy(self, ref: str, order: CopyIn) -> tuple[Workflow, list[Diagnostic], list[tuple[int, int, str]]]:
        """The copy, what is wrong with it, and what was copied along: ids there and here, and keys."""
        root = await self._catalogue.workflow(self._member, ref)
        canvas = await self._canvas(root, order.version)
        family = {root.id: (root, canvas)}
        table: dict[str, str] = {}
        ids = {root.id: new_id()}
        if order.with_called:
            table = await self._gather(family, ids)
        same = self._member.space_id == self._target.space_id
        new = [
            NewWorkflow(
                ids[one.id],
                self._name(one, order, root=one is root, same=same),
                renamed(drawn, {"workflow": table}),
                one.key,
                order.description if one is root and order.description is not None else one.description,
                folder_number(order.folder_id),
                one.tags,
            )
            for one, drawn in family.values()
        ]
        deed = Deed(
            "workflow.copy",
            before={"workflow_id": str(root.id), "space_id": str(self._member.space_id), "version": order.version},
            org_id=self._target.org_id,
            space_id=self._target.space_id,
        )
        workflows = self._stores.workflows(self._target.org_id, self._target.space_id)
        keys = await workflows.create_all(new, note=Note(self._actor, deed))
        self._catalogue.forget(self._target)
        made = await workflows.get(ids[root.id])
        drafts = Drafts()
        findings: list[Diagnostic] = await self._catalogue.diagnose(
            self._target, made.draft, str(made.id), drafts=drafts
        )
        findings += await missing_here(self._surroundings, made.draft)
        called = [(before, id_, keys[id_]) for before, id_ in ids.items() if before != root.id]
        return made, findings, called

    async def _canvas(self, workflow: Workflow, version: str) -> dict[str, Any]:
        if version == "draft":
            return workflow.draft
        workflows = self._stores.workflows(self._member.org_id, self._member.space_id)
        return (await workflows.version(workflow.id, None if version == "latest" else version)).canvas

    async def _gather(self, family: dict[int, tuple[Workflow, dict[str, Any]]], ids: dict[int, int]) -> dict[str, str]:
        """Find all that is called, however deep; gives the new ids by what canvases call them."""
        table: dict[str, str] = {}
        waiting = [*family.values()]
        while waiting:
            _, canvas = waiting.pop()
            for need in needs(canvas):
                if need.kind != "workflow" or need.id in table:
                    continue
                try:
                    called = await self._catalogue.workflow(self._member, need.id)
                except NotFound:
                    continue
                if called.id not in family:
                    if len(family) == MOST_COPIED:
                        raise LimitExceeded(f"At most {MOST_COPIED} are copied at once.", limit=MOST_COPIED)
                    family[called.id], ids[called.id] = (called, called.draft), new_id()
                    waiting.append(family[called.id])
                table[need.id] = str(ids[called.id])
        return table

    @staticmethod
    def _name(one: Workflow, order: CopyIn, *, root: bool, same: bool) -> str:
        if root and order.name is not None:
            return order.name
        return f"{one.name[: NAME_LENGTH - 7]} (copy)" if same else one.name


async def missing_here(surroundings: Surroundings, canvas: Mapping[str, Any]) -> list[Diagnostic]:
    """A warning for every node that names a model, database, plugin or knowledge base that its space does not have."""
    here: dict[tuple[str, str], bool] = {}
    found: list[Diagnostic] = []
    for need in needs(canvas):
        # What workflows are missing, validation says.
        if need.kind not in _WORDS:
            continue
        key = (need.kind, need.id)
        if key not in here:
            here[key] = await surroundings.has(need.kind, need.id)
        if not here[key]:
            message = (
                f"This space has no {_WORDS[need.kind]} {short(need.id)}; a run that gets to the node fails there."
            )
            found.append(Diagnostic(f"missing_{need.kind}", message, node=need.node, severity="warning"))
    return found
