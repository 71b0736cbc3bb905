"""Bundles: a workflow with everything that it needs, out of this server and into another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from api.access import Member
from api.interchange.surroundings import Surroundings
from api.workflows.catalogue import Catalogue
from engine.errors import LimitExceeded, NotFound
from engine.interchange.bundle import MOST_WORKFLOWS, Bundle, BundledVersion, BundledWorkflow
from engine.interchange.needs import Need, needs
from storage.stores import Stores
from storage.tables import Workflow, WorkflowVersion

LATEST: Final = ""


@dataclass
class _Gathered:
    """What was found to be needed so far."""

    workflows: dict[int, Workflow] = field(default_factory=dict[int, Workflow])
    versions: dict[int, dict[str, WorkflowVersion]] = field(default_factory=dict[int, dict[str, WorkflowVersion]])
    others: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])
    """By kind, what is named, and the versions that are asked for."""


async def export_bundle(
    ref: str, member: Member, stores: Stores, catalogue: Catalogue, surroundings: Surroundings
) -> Bundle:
    """A workflow's draft and latest version, with the versions of all workflows they call, directly or deeper.

    What is called and is not there stays a name: the draft may be unfinished. Raises `NotFound`.
    """
    root = await catalogue.workflow(member, ref)
    gathered = _Gathered()
    repository = stores.workflows(member.org_id, member.space_id)
    pending: list[tuple[Workflow, str]] = [(root, LATEST)]
    while pending:
        workflow, wanted = pending.pop()
        fresh = workflow.id not in gathered.workflows
        if fresh and len(gathered.workflows) == MOST_WORKFLOWS:
            raise LimitExceeded(f"The workflow needs more than {MOST_WORKFLOWS} others.", limit=MOST_WORKFLOWS)
        gathered.workflows[workflow.id] = workflow
        canvases: list[Mapping[str, Any]] = [workflow.draft] if fresh else []
        known = gathered.versions.setdefault(workflow.id, {})
        if (wanted or workflow.latest_version) and (wanted or workflow.latest_version) not in known:
            try:
                version = await repository.version(workflow.id, wanted or None)
            except NotFound:
                continue
            known[version.version] = version
            canvases.append(version.canvas)
        for canvas in canvases:
            for need in needs(canvas):
                if need.kind != "workflow":
                    gathered.others.setdefault(need.kind, {}).setdefault(need.id, []).append(need.version)
                elif (called := await _called(need, member, catalogue)) is not None:
                    pending.append((called, need.version))
    described = {
        place: await surroundings.describe(kind, gathered.others.get(kind, {}))
        for kind, place in (("database", "databases"), ("plugin", "plugins"), ("knowledge", "knowledge"))
    }
    return _bundled(root, gathered).model_copy(update=described)


async def _called(need: Need, member: Member, catalogue: Catalogue) -> Workflow | None:
    try:
        return await catalogue.workflow(member, need.id)
    except NotFound:
        return None


def _bundled(root: Workflow, gathered: _Gathered) -> Bundle:
    return Bundle(
        root=str(root.id),
        workflows=[
            BundledWorkflow(
                id=str(one.id),
                key=one.key,
                name=one.name,
                description=one.description,
                draft=one.draft,
                versions=[
                    BundledVersion(version=frozen.version, notes=frozen.notes, canvas=frozen.canvas)
                    for frozen in sorted(gathered.versions[one.id].values(), key=lambda version: version.id)
                ],
            )
            for one in sorted(gathered.workflows.values(), key=lambda workflow: workflow.id)
        ],
        models=[*gathered.others.get("model", {})],
    )
