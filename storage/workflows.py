"""The workflows of a space: drafts that change, versions that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, NotFound
from engine.values import Json
from storage.audit import Note
from storage.clock import now_ms
from storage.ids import new_id
from storage.naming import checked_key, checked_name, key_from
from storage.paging import Page, columns_of, fetch
from storage.references import DRAFT, named_in, put_references, refuse_used
from storage.tables import Account, KeptDraft, Workflow
from storage.workflow_lists import Filters, Sort, WorkflowSummary, checked_tags, page_of
from storage.workflow_rows import ROOM_FOR_ID, Moved, author, check_folder, free_key, tell, touched
from storage.workflow_versions import Published, Versions, VersionSummary

__all__ = [
    "Canvas",
    "Match",
    "NewWorkflow",
    "Published",
    "VersionSummary",
    "WorkflowRepository",
    "WorkflowSummary",
]

Canvas = dict[str, Json]

MOST_KEPT_DRAFTS = 20
"""Of one workflow; the oldest gives way."""

# Made once: making a statement takes longer than running it.
_HERE: Final = (
    col(Workflow.org_id) == bindparam("org_id"),
    col(Workflow.space_id) == bindparam("space_id"),
    col(Workflow.deleted_at).is_(None),
)
_BY_ID: Final[Select[Workflow]] = select(Workflow).where(*_HERE, col(Workflow.id) == bindparam("id"))
_SUMMARY: Final = select(*columns_of(Workflow, WorkflowSummary)).where(*_HERE, col(Workflow.id) == bindparam("id"))
_BY_KEY: Final[Select[Workflow]] = select(Workflow).where(*_HERE, col(Workflow.key) == bindparam("key"))

Match = Callable[[int, int], bool]
"""Whether a workflow of this revision and this `updated` is the one that somebody has seen."""


@dataclass(frozen=True, slots=True)
class NewWorkflow:
    """A workflow to be made under an id of the caller's; without a key it gets one like its name."""

    id: int
    name: str
    draft: Mapping[str, Json]
    key: str = ""
    description: str = ""
    folder_id: int = 0
    tags: Json = None


class WorkflowRepository(Versions):
    """The workflows of one space."""

    async def create(
        self,
        name: str,
        draft: Mapping[str, Json],
        *,
        key: str | None = None,
        description: str = "",
        folder_id: int = 0,
        tags: Sequence[str] = (),
        by: int = 0,
        note: Note | None = None,
    ) -> Workflow:
        """A new workflow. Without a key it gets one like its name.

        Raises `Conflict` when the given key is taken, `NotFound` when there is no such folder.
        """
        id_ = new_id()
        row = self._new(
            NewWorkflow(id_, name, draft, "", description, folder_id, checked_tags([*tags]) or None), author(note, by)
        )
        if key is not None:
            row["key"] = checked_key(key)
        named = named_in(draft)

        def job(connection: Connection) -> None:
            check_folder(connection, self._org_id, self._space_id, folder_id)
            connection.execute(insert(Workflow).values(row))
            put_references(connection, self._space_id, id_, DRAFT, named)
            tell(connection, note, id_, row["name"], after={"key": row["key"], "name": row["name"]})

        try:
            await self._database.write(job)
        except IntegrityError:
            if key is not None:
                raise Conflict("Another workflow of this space has this key.", field="key", key=key) from None
            # The id makes it unique: somebody has a workflow of the same name.
            row["key"] = f"{row['key'][:ROOM_FOR_ID]}-{id_}"
            await self._database.write(job)
        return Workflow(**row)

    async def create_all(
        self,
        new: Sequence[NewWorkflow],
        within: Callable[[Connection], None] | None = None,
        *,
        by: int = 0,
        note: Note | None = None,
    ) -> dict[int, str]:
        """Make several workflows, all or none, with whatever else `within` writes; gives their keys by id.

        A key that is taken gives way to one with the id behind it.
        """
        rows = {one.id: self._new(one, author(note, by)) for one in new}
        named = {one.id: named_in(one.draft) for one in new}

        def job(connection: Connection) -> None:
            for id_, row in rows.items():
                check_folder(connection, self._org_id, self._space_id, row["folder_id"])
                row["key"] = free_key(connection, self._space_id, row["key"], id_)
                connection.execute(insert(Workflow).values(row))
                put_references(connection, self._space_id, id_, DRAFT, named[id_])
                tell(connection, note, id_, row["name"], after={"key": row["key"], "name": row["name"]})
            if within is not None:
                within(connection)

        await self._database.write(job)
        return {id_: str(row["key"]) for id_, row in rows.items()}

    async def taken_keys(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of the keys that a workflow of the space has."""
        statement = select(col(Workflow.key)).where(
            col(Workflow.space_id) == self._space_id, col(Workflow.key).in_(keys)
        )
        return frozenset(await self._database.read(lambda connection: connection.execute(statement).scalars().all()))

    async def get(self, workflow_id: int) -> Workflow:
        """With its draft. Raises `NotFound`."""
        return await self._one(_BY_ID, {"id": workflow_id}, workflow_id=str(workflow_id))

    async def summary(self, workflow_id: int) -> WorkflowSummary:
        """Without its draft, which may be large. Raises `NotFound`."""
        values = {"org_id": self._org_id, "space_id": self._space_id, "id": workflow_id}
        found = await self._database.read(lambda connection: connection.execute(_SUMMARY, values).one_or_none())
        if found is None:
            raise NotFound("There is no such workflow.", workflow_id=str(workflow_id))
        return WorkflowSummary(*found)

    async def get_by_key(self, key: str) -> Workflow:
        """With its draft. Raises `NotFound`."""
        return await self._one(_BY_KEY, {"key": key}, key=key)

    async def page(
        self,
        *,
        search: str = "",
        filters: Filters | None = None,
        sort: Sort = "created",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[WorkflowSummary]:
        """A page of those that are wanted; unless told otherwise all, the newest first."""
        wanted = filters or Filters(search=search)
        return await self._database.read(
            lambda connection: page_of(connection, self._org_id, self._space_id, wanted, sort, cursor, limit)
        )

    async def names_of(self, accounts: Iterable[int]) -> dict[int, str]:
        """What the accounts are called that made or changed something here; nobody has the number 0."""
        ids = {one for one in accounts if one}
        if not ids:
            return {}
        statement = select(col(Account.id), col(Account.name)).where(col(Account.id).in_(ids))
        return dict(await self._database.read(lambda connection: connection.execute(statement).all()))

    async def save_draft(
        self,
        workflow_id: int,
        draft: Mapping[str, Json],
        *,
        revision: int | None,
        match: Match | None = None,
        by: int = 0,
    ) -> int:
        """Keep a draft and return its revision. Raises `Conflict` when `revision` is no longer the stored one, and
        `Moved` when the workflow does not `match`.
        """
        named = named_in(draft)

        def job(connection: Connection) -> int:
            stored = self._matching(connection, workflow_id, match).revision
            if revision not in (None, stored):
                raise Conflict("The draft has changed since you opened it.", revision=stored)
            self._put_draft(connection, workflow_id, draft, stored + 1, by)
            put_references(connection, self._space_id, workflow_id, DRAFT, named)
            return int(stored) + 1

        return await self._database.write(job)

    async def roll_back(
        self,
        workflow_id: int,
        canvas: Mapping[str, Json],
        to: str,
        *,
        revision: int | None,
        match: Match | None = None,
        by: int = 0,
        note: Note | None = None,
    ) -> tuple[int, int]:
        """Let a canvas take the draft's place, which is kept; gives the new revision and that of the kept draft.

        Raises as `save_draft`.
        """
        named = named_in(canvas)

        def job(connection: Connection) -> tuple[int, int]:
            stored = self._matching(connection, workflow_id, match, col(Workflow.draft), col(Workflow.latest_version))
            if revision not in (None, stored.revision):
                raise Conflict("The draft has changed since you opened it.", revision=stored.revision)
            kept = {"workflow_id": workflow_id, "revision": stored.revision, "created": now_ms()}
            connection.execute(insert(KeptDraft).values(**kept, created_by=author(note, by), canvas=stored.draft))
            old = (
                select(col(KeptDraft.revision))
                .where(col(KeptDraft.workflow_id) == workflow_id)
                .order_by(col(KeptDraft.revision).desc())
                .offset(MOST_KEPT_DRAFTS)
                .limit(1)
            )
            if (last := connection.scalar(old)) is not None:
                gone = (col(KeptDraft.workflow_id) == workflow_id, col(KeptDraft.revision) <= last)
                connection.execute(KeptDraft.__table__.delete().where(*gone))  # type: ignore[attr-defined]
            following = stored.revision + 1
            # Back at what runs, nothing is changed.
            same = {"published_revision": following} if to == stored.latest_version else {}
            self._put_draft(connection, workflow_id, canvas, following, author(note, by), **same)
            put_references(connection, self._space_id, workflow_id, DRAFT, named)
            before: Json = {"revision": stored.revision}
            tell(connection, note, workflow_id, stored.name, before=before, after={"revision": following, "to": to})
            return following, stored.revision

        return await self._database.write(job)

    async def kept_drafts(self, workflow_id: int) -> list[tuple[int, int, int]]:
        """Drafts that gave way, the newest first: revision, when, and which account did it. Raises `NotFound`."""
        statement = (
            select(col(KeptDraft.revision), col(KeptDraft.created), col(KeptDraft.created_by))
            .where(col(KeptDraft.workflow_id) == workflow_id)
            .order_by(col(KeptDraft.revision).desc())
        )

        def query(connection: Connection) -> list[tuple[int, int, int]]:
            self._row(connection, workflow_id, col(Workflow.id))
            return [(row.revision, row.created, row.created_by) for row in connection.execute(statement)]

        return await self._database.read(query)

    async def kept_draft(self, workflow_id: int, revision: int) -> Canvas:
        """A draft that gave way. Raises `NotFound`."""
        statement = select(col(KeptDraft.canvas)).where(
            col(KeptDraft.workflow_id) == workflow_id, col(KeptDraft.revision) == revision
        )

        def query(connection: Connection) -> Canvas:
            self._row(connection, workflow_id, col(Workflow.id))
            canvas = connection.scalar(statement)
            if canvas is None:
                raise NotFound("No such draft was kept.", workflow_id=str(workflow_id), revision=revision)
            return dict(canvas)

        return await self._database.read(query)

    async def rename(self, workflow_id: int, *, name: str | None = None, description: str | None = None) -> None:
        """Change what people read. Raises `NotFound`."""
        await self.change(workflow_id, name=name, description=description)

    async def change(
        self,
        workflow_id: int,
        *,
        name: str | None = None,
        description: str | None = None,
        folder_id: int | None = None,
        tags: Sequence[str] | None = None,
        match: Match | None = None,
        by: int = 0,
        note: Note | None = None,
    ) -> None:
        """Change what people read, and where it is filed. Raises `NotFound`, and `Moved` when it does not `match`."""
        given: dict[str, Any] = {
            "name": None if name is None else checked_name(name),
            "description": description,
            "folder_id": folder_id,
            "tags": None if tags is None else checked_tags([*tags]),
        }
        values = {field: value for field, value in given.items() if value is not None}

        def job(connection: Connection) -> None:
            columns = (col(Workflow.description), col(Workflow.folder_id), col(Workflow.tags))
            stored = self._matching(connection, workflow_id, match, *columns)
            check_folder(connection, self._org_id, self._space_id, folder_id or 0)
            change = {**values, "updated": touched(), "updated_by": author(note, by)}
            connection.execute(update(Workflow).where(col(Workflow.id) == workflow_id).values(change))
            before: Json = {field: _told(getattr(stored, field)) for field in values}
            after: Json = {field: _told(value) for field, value in values.items()}
            tell(connection, note, workflow_id, stored.name, before=before, after=after)

        await self._database.write(job)

    async def delete(
        self,
        workflow_id: int,
        *,
        force: bool = True,
        match: Match | None = None,
        by: int = 0,
        note: Note | None = None,
    ) -> None:
        """Put it into the trash: its runs stay readable, and its key is free again.

        Raises `NotFound`, `Moved` when it does not `match`, and without `force` `InUse` when others call it.
        """

        def job(connection: Connection) -> None:
            stored = self._matching(connection, workflow_id, match, col(Workflow.key))
            if not force:
                names = (str(workflow_id), stored.key)
                refuse_used(connection, self._org_id, self._space_id, "workflow", names, but=workflow_id)
            # No key has a tilde, so that this one clashes with none.
            values = {"deleted_at": now_ms(), "deleted_by": author(note, by), "key": f"{stored.key}~{workflow_id}"}
            connection.execute(update(Workflow).where(col(Workflow.id) == workflow_id).values(values))
            tell(connection, note, workflow_id, stored.name, before={"key": stored.key})

        await self._database.write(job)

    # --- within -------------------------------------------------------------------------------------------------------

    def _new(self, one: NewWorkflow, by: int) -> dict[str, Any]:
        now = now_ms()
        return {
            "id": one.id,
            "org_id": self._org_id,
            "space_id": self._space_id,
            "key": (checked_key(one.key) if one.key else key_from(one.name)) or f"workflow-{one.id}",
            "name": checked_name(one.name),
            "revision": 1,
            "created": now,
            "updated": now,
            "folder_id": one.folder_id,
            "created_by": by,
            "updated_by": by,
            "tags": one.tags,
            "description": one.description,
            "draft": dict(one.draft),
        }

    async def _one(self, statement: Select[Workflow], which: Mapping[str, Any], **facts: Json) -> Workflow:
        values = {"org_id": self._org_id, "space_id": self._space_id, **which}
        found = await self._database.read(lambda connection: fetch(connection, statement, **values))
        if not found:
            raise NotFound("There is no such workflow.", **facts)
        return found[0]

    def _matching(self, connection: Connection, workflow_id: int, match: Match | None, *columns: Any) -> Any:
        """Its name, revision, `updated` and these columns. Raises `NotFound` and `Moved`."""
        always = (col(Workflow.name), col(Workflow.revision), col(Workflow.updated))
        stored = self._row(connection, workflow_id, *always, *columns)
        if match is not None and not match(stored.revision, stored.updated):
            raise Moved("It has changed since you read it.", revision=stored.revision)
        return stored

    def _put_draft(
        self, connection: Connection, workflow_id: int, draft: Mapping[str, Json], revision: int, by: int, **more: Any
    ) -> None:
        values = {"draft": dict(draft), "revision": revision, "updated": touched(), "updated_by": by, **more}
        connection.execute(update(Workflow).where(col(Workflow.id) == workflow_id).values(values))


def _told(value: Any) -> Json:
    return str(value) if isinstance(value, int) else value
