"""Who uses what: which canvases name a workflow, a plugin, a database, a knowledge base or a model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, or_, select
from sqlmodel import col

from engine.interchange.needs import needs
from engine.values import Json
from storage.database import Database
from storage.ids import read_id
from storage.paging import Page, cursor_id, page_size
from storage.tables import Plugin, Workflow, WorkflowReference
from storage.tables.columns import KEY_LENGTH
from storage.workflow_rows import InUse

DRAFT: Final = "draft"
KINDS: Final = ("workflow", "plugin", "database", "knowledge", "model")
_MOST_NODES: Final = 50
"""Of one canvas that are told by name."""
_MOST_USERS: Final = 20
"""That an error names."""
_ASKED_LENGTH: Final = 32
_KEYED: Final[Mapping[str, Any]] = {"workflow": Workflow, "plugin": Plugin}


@dataclass(frozen=True, slots=True)
class Named:
    """Something that a canvas names, and the nodes in which it stands."""

    kind: str
    target: str
    asked: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """A canvas of a workflow, the draft or a version, that names something."""

    held_by: str
    latest: bool
    """Whether it is the version that a run takes."""
    asked: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class User:
    """A workflow that uses something, and in which of its canvases."""

    id: int
    key: str
    name: str
    holdings: tuple[Holding, ...]


def named_in(canvas: Mapping[str, Json]) -> list[Named]:
    """Everything that a canvas names, each once; what is no canvas names nothing."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for need in needs(canvas):
        # No id or key is longer: such a text names nothing.
        if len(need.id) <= KEY_LENGTH:
            found.setdefault((need.kind, need.id, need.version[:_ASKED_LENGTH]), {})[need.node[:64]] = None
    return [Named(*key, tuple(nodes)[:_MOST_NODES]) for key, nodes in found.items()]


def put_references(
    connection: Connection, space_id: int, workflow_id: int, held_by: str, named: Iterable[Named]
) -> None:
    """Know from now on what this draft or version names, and nothing that it named before."""
    if held_by != DRAFT:
        named = _settled(connection, space_id, [*named])
    rows = {(one.kind, one.target, one.asked): [*one.nodes] for one in named}
    held = (col(WorkflowReference.workflow_id) == workflow_id, col(WorkflowReference.held_by) == held_by)
    columns = (WorkflowReference.kind, WorkflowReference.target, WorkflowReference.asked, WorkflowReference.nodes)
    known = {(kind, target, asked): nodes for kind, target, asked, nodes in connection.execute(_some(columns, *held))}
    if known == rows:
        return
    connection.execute(delete(WorkflowReference).where(*held))
    if rows:
        place = {"workflow_id": workflow_id, "held_by": held_by, "space_id": space_id}
        connection.execute(
            insert(WorkflowReference),
            [
                {**place, "kind": kind, "target": target, "asked": asked, "nodes": nodes}
                for (kind, target, asked), nodes in rows.items()
            ],
        )


def drop_references(connection: Connection, workflow_id: int) -> None:
    """Forget what it names: it is gone for good."""
    connection.execute(delete(WorkflowReference).where(col(WorkflowReference.workflow_id) == workflow_id))


def users_of(
    connection: Connection,
    org_id: int,
    space_id: int,
    kind: str,
    names: Collection[str],
    *,
    but: int = 0,
    cursor: int | None = None,
    limit: int = _MOST_USERS,
) -> list[User]:
    """The workflows of a space that name one of these, the newest first, without `but`; one more than `limit`."""
    which = (
        col(WorkflowReference.space_id) == space_id,
        col(WorkflowReference.kind) == kind,
        col(WorkflowReference.target).in_([*names]),
        col(WorkflowReference.workflow_id) != but,
    )
    mine = (col(Workflow.org_id) == org_id, col(Workflow.space_id) == space_id, col(Workflow.deleted_at).is_(None))
    users = (
        select(col(Workflow.id), col(Workflow.key), col(Workflow.name), col(Workflow.latest_version))
        .where(*mine, col(Workflow.id).in_(select(col(WorkflowReference.workflow_id)).where(*which)))
        .order_by(col(Workflow.id).desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        users = users.where(col(Workflow.id) < cursor)
    found: Any = connection.execute(users).all()
    columns = (
        WorkflowReference.workflow_id,
        WorkflowReference.held_by,
        WorkflowReference.asked,
        WorkflowReference.nodes,
    )
    held: dict[int, list[Any]] = {row.id: [] for row in found}
    for row in connection.execute(_some(columns, *which, col(WorkflowReference.workflow_id).in_([*held]))):
        held[row.workflow_id].append(row)
    return [
        User(
            user.id,
            user.key,
            user.name,
            tuple(
                Holding(row.held_by, row.held_by == user.latest_version, row.asked, tuple(row.nodes or ()))
                for row in sorted(held[user.id], key=_order)
            ),
        )
        for user in found
    ]


def refuse_used(
    connection: Connection, org_id: int, space_id: int, kind: str, names: Collection[str], *, but: int = 0
) -> None:
    """Raise `InUse` when a draft, or a version that a run takes unless told otherwise, names one of these.

    Older versions do not count: who runs one of these asks for what there was.
    """
    needing: list[dict[str, Json]] = [
        {
            "workflow_id": str(user.id),
            "key": user.key,
            "name": user.name,
            "in": [held.held_by for held in user.holdings if held.held_by == DRAFT or held.latest],
        }
        for user in users_of(connection, org_id, space_id, kind, names, but=but, limit=10 * _MOST_USERS)
        if any(held.held_by == DRAFT or held.latest for held in user.holdings)
    ]
    if needing:
        shown = ", ".join(str(one["key"]) for one in needing[:3])
        more = f" and {len(needing) - 3} more" if len(needing) > 3 else ""
        listed: list[Json] = [*needing[:_MOST_USERS]]
        raise InUse(f"It is used by {shown}{more}.", used_by=listed, kind=kind)


class ReferenceRepository:
    """What the workflows of one space use."""

    def __init__(self, database: Database, org_id: int, space_id: int) -> None:
        self._database = database
        self._org_id = org_id
        self._space_id = space_id

    async def users(
        self, kind: str, names: Collection[str], *, but: int = 0, cursor: str | None = None, limit: int = 50
    ) -> Page[User]:
        """The workflows that name one of these, the newest first."""
        before, size = cursor_id(cursor), page_size(limit)
        found = await self._database.read(
            lambda connection: users_of(
                connection, self._org_id, self._space_id, kind, names, but=but, cursor=before, limit=size
            )
        )
        return Page(found[:size], str(found[size - 1].id) if len(found) > size else None)

    async def uses(self, workflow_id: int) -> dict[str, list[Named]]:
        """What a workflow names, by `draft` and its versions."""
        reference = WorkflowReference
        columns = (reference.held_by, reference.kind, reference.target, reference.asked, reference.nodes)
        mine = (col(reference.workflow_id) == workflow_id, col(reference.space_id) == self._space_id)
        rows: Any = await self._database.read(lambda connection: connection.execute(_some(columns, *mine)).all())
        found: dict[str, list[Named]] = {}
        for row in sorted(rows, key=lambda row: (*_order(row), row.kind, row.target)):
            found.setdefault(row.held_by, []).append(Named(row.kind, row.target, row.asked, tuple(row.nodes or ())))
        return found

    async def refuse_used(self, kind: str, names: Collection[str]) -> None:
        """Raise `InUse` when a draft, or a version that a run takes unless told otherwise, names one of these."""
        await self._database.read(lambda connection: refuse_used(connection, self._org_id, self._space_id, kind, names))


def _some(columns: Sequence[Any], *which: Any) -> Any:
    return select(*columns).where(*which)


def _order(row: Any) -> tuple[int, ...]:
    """The draft first, then the newest version."""
    if row.held_by == DRAFT:
        return (0,)
    return (1, *(-int(number) for number in row.held_by[1:].split(".")))


def _settled(connection: Connection, space_id: int, named: Sequence[Named]) -> list[Named]:
    """With ids instead of keys: what has the key now may lose it, and the version still means this one."""
    ids: dict[tuple[str, str], str] = {}
    for kind, table in _KEYED.items():
        words = [one.target for one in named if one.kind == kind]
        if not words:
            continue
        numbers = [number for word in words if (number := read_id(word)) is not None]
        found = connection.execute(
            select(table.id, table.key).where(
                table.space_id == space_id,
                table.deleted_at.is_(None),
                or_(table.key.in_(words), table.id.in_(numbers)),
            )
        ).all()
        ids |= {(kind, key): str(id_) for id_, key in found}
        # An id goes before a key of digits.
        ids |= {(kind, str(id_)): str(id_) for id_, _ in found}
    made: dict[tuple[str, str, str], Named] = {}
    for one in named:
        target = ids.get((one.kind, one.target), one.target)
        key = (one.kind, target, one.asked)
        nodes = (*(made[key].nodes if key in made else ()), *one.nodes)
        made[key] = Named(*key, tuple(dict.fromkeys(nodes)))
    return [*made.values()]
