"""Imports: documents become workflows of ours, all of them or none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from api.access import Member, Permission
from api.errors import PermissionDenied
from api.interchange.schemas import ForeignDocument, ImportedWorkflow, ImportIn, ImportOut, Unmapped
from api.interchange.surroundings import Surroundings, check_versions
from api.interchange.targets import targets_not_here
from api.workflows.catalogue import Catalogue, Drafts
from api.workflows.schemas import DiagnosticOut
from engine.diagnostics import Diagnostic
from engine.errors import Conflict, FlowError, InvalidCanvas, InvalidInput, NotFound
from engine.interchange.bundle import Bundle, BundledWorkflow, read_bundle
from engine.interchange.coze import ExternalIds, Imported, import_canvas
from engine.interchange.external_ids import ANY
from engine.interchange.needs import in_order, needs, renamed
from engine.limits import Limits
from storage.audit import Actor, Deed, Note
from storage.external_ids import entries_of
from storage.ids import new_id, read_id
from storage.stores import Stores
from storage.workflows import NewWorkflow, WorkflowRepository


@dataclass
class _Document:
    """One document on its way: what it is called there, what it is here, and what was said of it."""

    there: str
    name: str
    description: str
    id: int
    exists: bool = False
    key: str = ""
    canvas: dict[str, Any] = field(default_factory=dict[str, Any])
    findings: list[Diagnostic] = field(default_factory=list[Diagnostic])
    published: list[str] = field(default_factory=list[str])


class Importer:
    """Imports for one member, into their space."""

    def __init__(
        self,
        member: Member,
        actor: Actor,
        stores: Stores,
        catalogue: Catalogue,
        surroundings: Surroundings,
        limits: Limits,
    ) -> None:
        self._member = member
        self._note = Note(actor, Deed("workflow.import"))
        self._stores = stores
        self._catalogue = catalogue
        self._surroundings = surroundings
        self._limits = limits

    async def run(self, order: ImportIn) -> ImportOut:
        """Do what is asked. Raises `InvalidInput` for what cannot be read, `Conflict` for what was imported before."""
        if order.publish:
            self._ask_for(Permission.WORKFLOW_PUBLISH)
        if order.source == "coze":
            if order.bundle is not None or not order.documents:
                raise InvalidInput("With `from` coze, `documents` holds what is imported.", field="documents")
            return await self._from_coze(order)
        if order.documents or order.bundle is None:
            raise InvalidInput("Without `from`, `bundle` holds what an export gave.", field="bundle")
        bundle = read_bundle(order.bundle)
        if any(one.versions for one in bundle.workflows):
            self._ask_for(Permission.WORKFLOW_PUBLISH)
        if bundle.databases:
            self._ask_for(Permission.DATABASE_EDIT)
        if bundle.plugins:
            self._ask_for(Permission.PLUGIN_EDIT, Permission.PLUGIN_PUBLISH)
        if bundle.knowledge:
            self._ask_for(Permission.KNOWLEDGE_EDIT)
        check_versions(bundle)
        return await self._from_bundle(bundle, order)

    def _ask_for(self, *permissions: Permission) -> None:
        for permission in permissions:
            if permission not in self._member.permissions:
                raise PermissionDenied("This token may not do that.", permission=permission.value)

    # --- from Coze ----------------------------------------------------------------------------------------------------

    async def _from_coze(self, order: ImportIn) -> ImportOut:
        repository = self._stores.external_ids(self._member.org_id, self._member.space_id, "coze")
        known = await repository.table()
        ExternalIds.read(order.table)
        documents = await self._documents(order, known.get("workflow", {}))
        here = {one.there: str(one.id) for one in documents if one.there}
        table = {kind: {**known.get(kind, {}), **order.table.get(kind, {})} for kind in {*known, *order.table}}
        table["workflow"] = {**table.get("workflow", {}), **here}
        ids = ExternalIds.read(table)
        unmapped: list[Unmapped] = []
        for number, (one, foreign) in enumerate(zip(documents, order.documents, strict=True)):
            made = await asyncio.to_thread(self._translated, foreign, number, ids)
            one.canvas, one.findings = made.canvas, [*made.diagnostics]
            one.findings += await targets_not_here(self._surroundings, one.canvas)
            for kind, needed in made.unmapped.items():
                for external, nodes in needed.items():
                    unmapped.append(Unmapped(kind=kind, id=external, workflow=one.there or one.name, nodes=[*nodes]))
        if not order.dry_run:
            named = {kind: {k: v for k, v in entries.items() if k != ANY} for kind, entries in order.table.items()}
            kept = entries_of({**named, "workflow": {**named.get("workflow", {}), **here}})
            await self._store(documents, lambda connection: repository.put_within(connection, kept))
        return await self._told(documents, order, unmapped)

    def _translated(self, foreign: ForeignDocument, number: int, ids: ExternalIds) -> Imported:
        try:
            return import_canvas(foreign.canvas, ids, limits=self._limits)
        except InvalidCanvas as error:
            error.facts["field"] = f"documents.{number}.canvas"
            raise

    async def _documents(self, order: ImportIn, known: Mapping[str, str]) -> list[_Document]:
        found: list[_Document] = []
        for number, foreign in enumerate(order.documents, start=1):
            there = foreign.id.strip()
            if there and there in (one.there for one in found):
                raise InvalidInput(f"Two documents have the id {there}.", field=f"documents.{number - 1}.id")
            name = foreign.name.strip() or f"Imported workflow {there or number}"
            one = _Document(there, name, foreign.description, new_id())
            if there in known and (mine := await self._there_already(known[there])) is not None:
                if order.existing == "refuse":
                    raise Conflict(
                        f"{name} was imported before, as the workflow {mine.key}. Say `update` to bring its draft up to"
                        " the document, or `copy` to make another workflow.",
                        external_id=there,
                        workflow_id=str(mine.id),
                    )
                if order.existing == "update":
                    one.id, one.key, one.exists = mine.id, mine.key, True
            found.append(one)
        return found

    async def _there_already(self, ours: str) -> Any:
        number = read_id(ours)
        if number is None:
            return None
        try:
            return await self._repository.get(number)
        except NotFound:
            return None

    # --- from a bundle ------------------------------------------------------------------------------------------------

    async def _from_bundle(self, bundle: Bundle, order: ImportIn) -> ImportOut:
        ids = {one.id: new_id() for one in bundle.workflows}
        workflows = {one.id: str(ids[one.id]) for one in bundle.workflows}
        # Canvases call workflows by their ids or their keys; a key that is taken here means another workflow.
        taken = await self._repository.taken_keys([one.key for one in bundle.workflows])
        workflows = {**{one.key: workflows[one.id] for one in bundle.workflows if one.key in taken}, **workflows}
        table = {kind: {**entries} for kind, entries in order.table.items()}
        table["workflow"] = {**workflows, **table.get("workflow", {})}
        made = {} if order.dry_run else await self._surroundings.make(bundle)
        for kind, entries in made.items():
            table[kind] = {**entries, **table.get(kind, {})}
        documents = [
            _Document(
                there=one.id,
                name=one.name,
                description=one.description,
                id=ids[one.id],
                key=one.key,
                canvas=renamed(one.draft, table),
            )
            for one in bundle.workflows
        ]
        if not order.dry_run:
            try:
                await self._store(documents, None)
            except FlowError:
                await self._surroundings.undo(made)
                raise
            await self._freeze(bundle, documents, table)
        return (await self._told(documents, order, [])).model_copy(update={"made": made})

    async def _freeze(
        self, bundle: Bundle, documents: Sequence[_Document], table: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Publish the bundle's versions again, those that are called first."""
        by_id = {one.there: one for one in documents}
        versions = {f"{one.id}@{frozen.version}": (one, frozen) for one in bundle.workflows for frozen in one.versions}
        order = in_order({name: _calls(frozen.canvas, bundle) for name, (_, frozen) in versions.items()})
        # Of one workflow the lower version comes first, whatever calls it.
        done: set[str] = set()
        for name in order:
            one, frozen = versions[name]
            for earlier in one.versions[: one.versions.index(frozen) + 1]:
                if (label := f"{one.id}@{earlier.version}") not in done:
                    done.add(label)
                    canvas = renamed(earlier.canvas, table)
                    await self._publish(by_id[one.id], canvas, version=earlier.version, notes=earlier.notes)

    # --- both ---------------------------------------------------------------------------------------------------------

    @property
    def _repository(self) -> WorkflowRepository:
        return self._stores.workflows(self._member.org_id, self._member.space_id)

    async def _store(self, documents: Sequence[_Document], within: Any) -> None:
        def also(connection: Connection) -> None:
            if within is not None:
                within(connection)

        new = [
            NewWorkflow(one.id, one.name, one.canvas, one.key, one.description) for one in documents if not one.exists
        ]
        keys = await self._repository.create_all(new, also, note=self._note)
        for one in documents:
            one.key = keys.get(one.id, one.key)
            if one.exists:
                current = await self._repository.get(one.id)
                await self._repository.save_draft(
                    one.id, one.canvas, revision=current.revision, by=self._member.account_id
                )
        self._catalogue.forget(self._member)

    async def _told(self, documents: Sequence[_Document], order: ImportIn, unmapped: Sequence[Unmapped]) -> ImportOut:
        by_id = {str(one.id): one for one in documents}
        called = {id_: [need.id for need in needs(one.canvas) if need.kind == "workflow"] for id_, one in by_id.items()}
        # What is called comes first, so that nothing has to be looked at twice.
        sequence = [by_id[id_] for id_ in in_order(called)]
        if not order.dry_run:
            if order.publish:
                for one in sequence:
                    await self._publish(one, one.canvas)
            drafts = Drafts()
            for one in sequence:
                one.findings += await self._catalogue.diagnose(self._member, one.canvas, str(one.id), drafts=drafts)
        made: list[ImportedWorkflow] = []
        for one in documents:
            verb = "update" if one.exists else "create"
            made.append(
                ImportedWorkflow(
                    external_id=one.there,
                    id=str(one.id),
                    key=one.key,
                    name=one.name,
                    action=f"would_{verb}" if order.dry_run else f"{verb}d",  # type: ignore[arg-type]
                    published=one.published,
                    diagnostics=[DiagnosticOut.model_validate(told, from_attributes=True) for told in one.findings],
                )
            )
        return ImportOut(workflows=made, unmapped=[*unmapped])

    async def _publish(
        self, one: _Document, canvas: dict[str, Any], *, version: str | None = None, notes: str = ""
    ) -> None:
        current = await self._repository.get(one.id)
        workflow = current.model_copy(update={"draft": canvas})
        # What is published may be an older canvas than the draft.
        revision = current.revision if canvas == current.draft else 0
        try:
            _, plan_hash = await self._catalogue.compile(self._member, workflow, drafts=False)
            note = Note(self._note.actor, Deed("workflow.publish"))
            made = await self._repository.publish(
                one.id, canvas, plan_hash, version=version, notes=notes, revision=revision, note=note
            )
        except InvalidCanvas as error:
            one.findings.append(_unpublished(version, error))
        else:
            one.published.append(made.version)
            self._catalogue.forget(self._member)


def _calls(canvas: Mapping[str, Any], bundle: Bundle) -> list[str]:
    """The versions in the bundle that a canvas calls, as `id@version`."""
    found: list[str] = []
    for need in needs(canvas):
        if need.kind == "workflow" and (called := _in(bundle, need.id)) is not None and called.versions:
            versions = [one.version for one in called.versions]
            found.append(f"{called.id}@{need.version if need.version in versions else versions[-1]}")
    return found


def _in(bundle: Bundle, ref: str) -> BundledWorkflow | None:
    return next((one for one in bundle.workflows if ref in (one.id, one.key)), None)


def _unpublished(version: str | None, error: FlowError) -> Diagnostic:
    return Diagnostic(
        code="not_published",
        message=f"{f'The version {version}' if version else 'It'} could not be published. {error.message}",
        severity="warning",
        facts=dict(error.facts),
    )
