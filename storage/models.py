"""The models of an organisation, and those of the instance, which every organisation sees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from sqlalchemy import Connection, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from engine.values import Json
from storage.audit import Note
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id, read_id
from storage.naming import checked_name
from storage.paging import Page, cursor_id, fetch, page_size
from storage.tables import Model

ModelKind = Literal["chat", "embedding", "rerank"]

INSTANCE: Final = 0
"""The organisation that stands for the instance."""
DEFAULT: Final = "default"
SECRET_KIND: Final = "model"  # noqa: S105
"""The kind under which the vault keeps what models are reached with."""

_KEY: Final = re.compile(r"\w[\w.:@+-]{0,99}")
_RESERVED: Final = re.compile(r"default|local|scripted(:.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """All that can be said of a model. `is_default` None: yes, if it is the first of its kind."""

    key: str
    title: str
    kind: ModelKind
    provider: str
    vendor_model: str
    base_url: str = ""
    options: Mapping[str, Json] = field(default_factory=dict)
    secret_id: int | None = None
    defaults: Mapping[str, Json] = field(default_factory=dict)
    capabilities: Mapping[str, Json] = field(default_factory=dict)
    quota: Mapping[str, Json] = field(default_factory=dict)
    patience: Mapping[str, Json] = field(default_factory=dict)
    prices: Mapping[str, Json] = field(default_factory=dict)
    fallback: tuple[str, ...] = ()
    media: Literal["inline", "url"] = "inline"
    is_default: bool | None = None
    enabled: bool = True


_SETTINGS: Final = tuple(one.name for one in fields(ModelSettings))
_TOLD: Final = (
    "key", "title", "kind", "provider", "vendor_model", "base_url", "quota", "prices", "fallback", "is_default",
    "enabled",
)  # fmt: skip
_COLUMNS: Final[tuple[Any, ...]] = tuple(col(getattr(Model, name)) for name in (*_TOLD, "secret_id"))


class ModelRepository:
    """The models of one organisation. It reads those of the instance too, and changes only its own."""

    def __init__(self, database: Database, org_id: int) -> None:
        self._database = database
        self._org_id = org_id
        self._mine = (col(Model.org_id) == org_id, col(Model.deleted_at).is_(None))
        self._seen = (col(Model.org_id).in_({org_id, INSTANCE}), col(Model.deleted_at).is_(None))

    async def create(self, settings: ModelSettings, note: Note | None = None) -> Model:
        """A new model. Raises `Conflict` when its key is taken."""
        id_, now = new_id(), now_ms()
        row = {**{name: getattr(settings, name) for name in _SETTINGS}, "key": checked_model_key(settings.key)}
        row |= {"id": id_, "org_id": self._org_id, "revision": 1, "created": now, "updated": now}
        row |= {"title": checked_name(settings.title), "fallback": [*settings.fallback]}

        def job(connection: Connection) -> None:
            default = settings.is_default
            if default is None:
                default = not self._has_default(connection, settings.kind)
            row.update(is_default=int(default), enabled=int(settings.enabled))
            connection.execute(insert(Model).values(row))
            if default:
                self._only_default(connection, id_, settings.kind)
            if note is not None:
                note.write(connection, target_id=id_, target_name=row["key"], after=_told(row))

        try:
            await self._database.write(job)
        except IntegrityError:
            raise _taken(row["key"]) from None
        return await self.get(str(id_))

    async def get(self, ref: str) -> Model:
        """A model by its id or its key, one's own before the instance's. Raises `NotFound`."""
        ref = unicodedata.normalize("NFC", ref)
        which = col(Model.key) == ref if (id_ := read_id(ref)) is None else col(Model.id) == id_
        statement = select(Model).where(*self._seen, which)
        found = await self._database.read(lambda connection: fetch(connection, statement))
        if not found:
            raise NotFound("There is no such model.", model=ref[:100])
        return max(found, key=self._is_mine)

    async def page(
        self, *, kind: ModelKind | None = None, search: str = "", cursor: str | None = None, limit: int = 50
    ) -> Page[Model]:
        """One's own and the instance's, the newest first; `search` is a part of a key, title or the vendor's name."""
        statement = select(Model).where(*self._seen)
        if kind is not None:
            statement = statement.where(col(Model.kind) == kind)
        if search:
            places = (col(Model.key), col(Model.title), col(Model.vendor_model))
            statement = statement.where(or_(*(place.icontains(search, autoescape=True) for place in places)))
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(Model.id) < before)
        statement = statement.order_by(col(Model.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: fetch(connection, statement))
        return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)

    async def change(
        self, model_id: int, changes: Mapping[str, Any], *, revision: int, note: Note | None = None
    ) -> Model:
        """Change some settings. Raises `Conflict` when `revision` is no longer the stored one, or the key is taken."""
        values = {name: value for name, value in changes.items() if name in _SETTINGS}
        if "key" in values:
            values["key"] = checked_model_key(values["key"])
        if "title" in values:
            values["title"] = checked_name(values["title"])
        if "fallback" in values:
            values["fallback"] = [*values["fallback"]]
        for flag in ("is_default", "enabled"):
            if flag in values:
                values[flag] = int(values[flag])
        values |= {"revision": revision + 1, "updated": now_ms()}
        change = update(Model).where(*self._mine, col(Model.id) == model_id, col(Model.revision) == revision)

        def job(connection: Connection) -> None:
            found = connection.execute(select(*_COLUMNS).where(*self._mine, col(Model.id) == model_id)).one_or_none()
            before: dict[str, Any] = {} if found is None else dict(found._mapping)
            if connection.execute(change.values(values)).rowcount == 0:
                stored, _ = self._row(connection, model_id)
                raise Conflict("The model has changed since you opened it.", revision=stored)
            if note is not None:
                now = _told(values)
                was = {name: value for name, value in _told(before).items() if name in now}
                note.write(connection, target_id=model_id, target_name=before.get("key", ""), before=was, after=now)
            if values.get("is_default"):
                self._only_default(connection, model_id, self._row(connection, model_id)[1])

        try:
            await self._database.write(job)
        except IntegrityError:
            raise _taken(values.get("key", "")) from None
        return await self.get(str(model_id))

    async def delete(self, model_id: int, note: Note | None = None) -> None:
        """Take it out of sight; what it cost stays known, and its key is free again. Raises `NotFound`."""

        def job(connection: Connection) -> None:
            self._row(connection, model_id)
            # No key has a tilde, so that this one clashes with none.
            values = {"deleted_at": now_ms(), "key": f"~{model_id}", "is_default": 0, "secret_id": None}
            if note is not None:
                key = connection.execute(select(col(Model.key)).where(col(Model.id) == model_id)).scalar()
                note.write(connection, target_id=model_id, target_name=key or "")
            connection.execute(update(Model).where(col(Model.id) == model_id).values(values))

        await self._database.write(job)

    async def resolve(self, name: str, kind: ModelKind) -> Model:
        """What a node means: the organisation's own model of this name first, then the instance's; `default` is the one
        marked so. Raises `NotFound`, also for one that is switched off: another of its name must not stand in.
        """
        name = unicodedata.normalize("NFC", name)
        which = col(Model.is_default) == 1 if name == DEFAULT else col(Model.key) == name
        statement = select(Model).where(*self._seen, col(Model.kind) == kind, which)
        found = await self._database.read(lambda connection: fetch(connection, statement))
        if not found:
            raise NotFound(f"There is no {kind} model {name[:100]!r}.", model=name[:100], kind=kind)
        model = max(found, key=self._is_mine)
        if not model.enabled:
            raise NotFound(f"The model {model.key!r} is switched off.", model=model.key, kind=kind, enabled=False)
        return model

    async def names(self, kind: ModelKind) -> list[str]:
        """The names that a node may ask for, in the order of the alphabet."""
        mine = (*self._seen, col(Model.kind) == kind, col(Model.enabled) == 1)
        statement = select(col(Model.key)).where(*mine).distinct().order_by(col(Model.key))
        return await self._database.read(lambda connection: [*connection.scalars(statement)])

    # --- within -------------------------------------------------------------------------------------------------------

    def _is_mine(self, model: Model) -> bool:
        return model.org_id == self._org_id

    def _row(self, connection: Connection, model_id: int) -> tuple[int, str]:
        statement = select(col(Model.revision), col(Model.kind)).where(*self._mine, col(Model.id) == model_id)
        if (found := connection.execute(statement).one_or_none()) is None:
            raise NotFound("There is no such model.", model=str(model_id))
        return found.revision, found.kind

    def _has_default(self, connection: Connection, kind: str) -> bool:
        defaults = (*self._mine, col(Model.kind) == kind, col(Model.is_default) == 1)
        return connection.execute(select(col(Model.id)).where(*defaults)).first() is not None

    def _only_default(self, connection: Connection, model_id: int, kind: str) -> None:
        others = (*self._mine, col(Model.kind) == kind, col(Model.id) != model_id)
        connection.execute(update(Model).where(*others).values(is_default=0))


class InstanceModels(ModelRepository):
    """The models that every organisation sees."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, INSTANCE)


def checked_model_key(key: str) -> str:
    """The name that nodes use. Raises `InvalidInput` when it cannot be one."""
    key = unicodedata.normalize("NFC", key)
    if _KEY.fullmatch(key) is None or read_id(key) is not None:
        raise InvalidInput(
            "The key of a model has 1 to 100 letters, digits and characters of . : @ + - _, begins with a letter or"
            " digit, and is no number.",
            field="key",
        )
    if _RESERVED.fullmatch(key):
        raise InvalidInput(f"The key {key} always means something else: take another.", field="key")
    return key


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit log tells of a model: nothing of what stands in its key, headers or options."""
    told = {name: row[name] for name in _TOLD if name in row}
    if "secret_id" in row:
        told["api_key"] = "none" if row["secret_id"] is None else "stored"
    return told


def _taken(key: str) -> Conflict:
    return Conflict("Another model has this key.", field="key", key=key)
