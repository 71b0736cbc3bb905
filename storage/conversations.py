"""Conversations by name and by id, in the relational store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from storage.clock import now_ms
from storage.hashing import hashed
from storage.ids import new_id, parse_id
from storage.messages import SqlMessages, no_conversation, section_of, touch
from storage.paging import Page, cursor_id, page_size
from storage.ports.conversations import Conversation, Kind, Opened, Party, Renamed
from storage.repeated_writes import once
from storage.tables import ConversationMessage, ConversationRow, ConversationTemplate, MessageFeedback
from storage.tables.columns import CHANNEL_LENGTH, KEY_LENGTH

_MOST: Final = 1_000
"""Conversations of one party that are listed at once."""
_MOST_TEMPLATES: Final = 100

_ALL: Final = ConversationRow.__table__.columns  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations of a space to list; None means whichever."""

    app_id: str | None = None
    user_id: str | None = None
    channel: str | None = None
    draft: bool | None = None

    def conditions(self) -> list[Any]:
        """What the rows must fulfil."""
        given = {
            col(ConversationRow.app_id): self.app_id,
            col(ConversationRow.user_id): self.user_id,
            col(ConversationRow.channel): self.channel,
            col(ConversationRow.draft): None if self.draft is None else int(self.draft),
        }
        return [column == value for column, value in given.items() if value is not None]


class SqlConversations(SqlMessages):
    """Implements `storage.ports.conversations.Conversations`."""

    async def templates(self, org_id: str, space_id: str, app_id: str) -> tuple[str, ...]:
        """See the port."""
        statement = (
            select(col(ConversationTemplate.name))
            .where(
                col(ConversationTemplate.org_id) == parse_id(org_id, "organisation"),
                col(ConversationTemplate.space_id) == parse_id(space_id, "space"),
                col(ConversationTemplate.app_id) == app_id,
            )
            .order_by(col(ConversationTemplate.id))
        )
        found = await self._database.read(lambda connection: connection.execute(statement).all())
        return tuple(row.name for row in found)

    async def define(self, org_id: str, space_id: str, app_id: str, name: str) -> None:
        """See the port."""
        org, space = parse_id(org_id, "organisation"), parse_id(space_id, "space")
        name, app_id = checked_word(name, "name"), checked_word(app_id, "app_id")
        if name in (known := await self.templates(org_id, space_id, app_id)):
            return
        if len(known) >= _MOST_TEMPLATES:
            raise Conflict(f"An application has at most {_MOST_TEMPLATES} conversations of its own.", app_id=app_id)
        row = {"id": new_id(), "org_id": org, "space_id": space, "app_id": app_id, "name": name, "created": now_ms()}
        try:
            await self._database.write(
                lambda connection: connection.execute(insert(ConversationTemplate).values(row)).close()
            )
        except IntegrityError:
            # Somebody else named it in the same moment, which is as good.
            return

    async def undefine(self, org_id: str, space_id: str, app_id: str, name: str) -> None:
        """See the port."""
        org, space = parse_id(org_id, "organisation"), parse_id(space_id, "space")

        def job(connection: Connection) -> bool:
            gone = connection.execute(
                delete(ConversationTemplate).where(
                    col(ConversationTemplate.org_id) == org,
                    col(ConversationTemplate.space_id) == space,
                    col(ConversationTemplate.app_id) == app_id,
                    col(ConversationTemplate.name) == name,
                )
            )
            made = select(col(ConversationRow.id)).where(
                col(ConversationRow.org_id) == org,
                col(ConversationRow.space_id) == space,
                col(ConversationRow.app_id) == app_id,
                col(ConversationRow.kind) == "static",
                col(ConversationRow.name) == name,
            )
            for number in connection.execute(made).scalars().all():
                _forget(connection, number)
            return gone.rowcount > 0

        if not await self._database.write(job):
            raise NotFound("The application has no conversation of its own of that name.", app_id=app_id, name=name)

    async def get(self, org_id: str, space_id: str, conversation_id: str) -> Conversation:
        """See the port."""
        statement = _mine(org_id, space_id).where(col(ConversationRow.id) == parse_id(conversation_id, "conversation"))
        row = await self._database.read(lambda connection: connection.execute(statement).first())
        if row is None:
            raise no_conversation(conversation_id)
        return _conversation(row)

    async def find(self, party: Party, name: str) -> Conversation | None:
        """See the port."""
        names = await self.templates(party.org_id, party.space_id, party.app_id)
        kind: Kind = "static" if name in names else "dynamic"
        statement = _mine(party.org_id, party.space_id).where(col(ConversationRow.place) == _place(party, kind, name))
        row = await self._database.read(lambda connection: connection.execute(statement).first())
        return None if row is None else _conversation(row)

    async def of(self, party: Party) -> tuple[Conversation, ...]:
        """See the port."""
        statement = (
            _mine(party.org_id, party.space_id)
            .where(col(ConversationRow.party) == _party(party))
            .order_by(col(ConversationRow.id).desc())
            .limit(_MOST)
        )
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return tuple(_conversation(row) for row in rows)

    async def page(
        self, org_id: str, space_id: str, only: ConversationFilter, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Conversation]:
        """The conversations of a space, the newest first."""
        statement = _mine(org_id, space_id).where(*only.conditions())
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(ConversationRow.id) < before)
        statement = statement.order_by(col(ConversationRow.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        items = [_conversation(row) for row in rows[:limit]]
        return Page(items, items[-1].id if len(rows) > limit else None)

    async def open(self, party: Party, name: str, *, key: str = "") -> Opened:
        """See the port."""
        org, space = parse_id(party.org_id, "organisation"), parse_id(party.space_id, "space")
        checked_party(party)
        if name:
            checked_word(name, "name")
        names = await self.templates(party.org_id, party.space_id, party.app_id)
        kind: Kind = "static" if name in names else "dynamic"
        place = _place(party, kind, name) if name else None

        def job(connection: Connection) -> dict[str, Any]:
            there = _by_place(connection, space, place)
            if there is not None:
                return {"id": there, "existed": True}
            made, now = new_id(), now_ms()
            connection.execute(
                insert(ConversationRow).values(
                    id=made,
                    org_id=org,
                    space_id=space,
                    app_id=party.app_id,
                    user_id=party.user_id,
                    channel=party.channel,
                    draft=int(party.draft),
                    kind=kind,
                    name=name or None,
                    party=_party(party),
                    place=place,
                    section_id=new_id(),
                    created=now,
                    updated=now,
                )
            )
            return {"id": made, "existed": False}

        try:
            done = await self._database.write(once(space, key, job))
        except IntegrityError:
            # Another process made it in the same moment.
            done = await self._database.write(once(space, key, job))
        return Opened(await self.get(party.org_id, party.space_id, str(done["id"])), bool(done["existed"]))

    async def rename(self, party: Party, name: str, new_name: str, *, key: str = "") -> Renamed:
        """See the port."""
        space = parse_id(party.space_id, "space")
        checked_word(new_name, "name")
        names = await self.templates(party.org_id, party.space_id, party.app_id)

        def job(connection: Connection) -> dict[str, Any]:
            mine = _by_place(connection, space, _place(party, "dynamic", name))
            if mine is None:
                return {"outcome": "missing", "id": 0}
            kind: Kind = "static" if new_name in names else "dynamic"
            there = _by_place(connection, space, _place(party, kind, new_name))
            if kind == "static" or (there is not None and there != mine):
                return {"outcome": "taken", "id": there or 0}
            connection.execute(
                update(ConversationRow)
                .where(col(ConversationRow.id) == mine)
                .values(name=new_name, place=_place(party, "dynamic", new_name), updated=now_ms())
            )
            return {"outcome": "renamed", "id": mine}

        done = await self._database.write(once(space, key, job))
        return Renamed(done["outcome"], str(done["id"]))

    async def name(self, org_id: str, space_id: str, conversation_id: str, name: str) -> Conversation:
        """Give a dynamic conversation this name. Raises `NotFound`, and `Conflict` when the name is taken."""
        known = await self.get(org_id, space_id, conversation_id)
        if known.kind == "static":
            raise Conflict("The conversation is one of its application's own, which names it.", name=known.name)
        checked_word(name, "name")
        if name in await self.templates(org_id, space_id, known.party.app_id):
            raise name_taken(name)
        change = (
            update(ConversationRow)
            .where(col(ConversationRow.id) == int(known.id))
            .values(name=name, place=_place(known.party, "dynamic", name), updated=now_ms())
        )
        try:
            await self._database.write(lambda connection: connection.execute(change).close())
        except IntegrityError:
            raise name_taken(name) from None
        return await self.get(org_id, space_id, conversation_id)

    async def delete(self, org_id: str, space_id: str, conversation_id: str) -> None:
        """See the port."""
        known = await self.get(org_id, space_id, conversation_id)
        await self._database.write(lambda connection: _forget(connection, int(known.id)))

    async def delete_named(self, party: Party, name: str, *, key: str = "") -> bool:
        """See the port."""
        space = parse_id(party.space_id, "space")

        def job(connection: Connection) -> bool:
            mine = _by_place(connection, space, _place(party, "dynamic", name))
            if mine is not None:
                _forget(connection, mine)
            return mine is not None

        return await self._database.write(once(space, key, job))

    async def touch(self, conversation: Conversation) -> None:
        """Note that something was said in it."""
        await self._database.write(lambda connection: touch(connection, int(conversation.id), now_ms()))

    async def clear(self, org_id: str, space_id: str, conversation_id: str, *, key: str = "") -> str:
        """See the port."""
        org, space = parse_id(org_id, "organisation"), parse_id(space_id, "space")
        number = parse_id(conversation_id, "conversation")

        def job(connection: Connection) -> str:
            section_of(connection, org, space, number)
            section = new_id()
            connection.execute(
                update(ConversationRow)
                .where(col(ConversationRow.id) == number)
                .values(section_id=section, updated=now_ms())
            )
            return str(section)

        return await self._database.write(once(space, key, job))


def checked_word(word: str, field: str, longest: int = KEY_LENGTH) -> str:
    """A word of the caller's. Raises `InvalidInput` when there is nothing of it, or too much."""
    if not word.strip() or len(word) > longest:
        raise InvalidInput(f"{field} has 1 to {longest} characters.", field=field)
    return word


def checked_party(party: Party) -> None:
    """Raises `InvalidInput` when a word of it is too long to be kept."""
    for field, word, longest in (
        ("app_id", party.app_id, KEY_LENGTH),
        ("user_id", party.user_id, KEY_LENGTH),
        ("channel", party.channel, CHANNEL_LENGTH),
    ):
        if len(word) > longest:
            raise InvalidInput(f"{field} has at most {longest} characters.", field=field)


def name_taken(name: str) -> Conflict:
    """The finding that another conversation of the same party has the name."""
    return Conflict("Another conversation of this user has this name.", field="name", name=name)


def _mine(org_id: str, space_id: str) -> Select[*tuple[Any, ...]]:
    return select(*_ALL).where(
        col(ConversationRow.org_id) == parse_id(org_id, "organisation"),
        col(ConversationRow.space_id) == parse_id(space_id, "space"),
    )


def _party(party: Party) -> str:
    environment = "draft" if party.draft else "online"
    return hashed(party.org_id, party.app_id, party.user_id, party.channel, environment)


def _place(party: Party, kind: Kind, name: str) -> str:
    return hashed(_party(party), kind, name)


def place_of(party: Party, name: str | None = None) -> str:
    """By which nobody else's conversation is known: that of a party, or of a dynamic one's name."""
    return _party(party) if name is None else _place(party, "dynamic", name)


def _by_place(connection: Connection, space: int, place: str | None) -> int | None:
    if place is None:
        return None
    mine = (col(ConversationRow.space_id) == space, col(ConversationRow.place) == place)
    return connection.execute(select(col(ConversationRow.id)).where(*mine)).scalar()


def _forget(connection: Connection, number: int) -> None:
    connection.execute(delete(MessageFeedback).where(col(MessageFeedback.conversation_id) == number))
    connection.execute(delete(ConversationMessage).where(col(ConversationMessage.conversation_id) == number))
    connection.execute(delete(ConversationRow).where(col(ConversationRow.id) == number))


def _conversation(row: Row[*tuple[Any, ...]]) -> Conversation:
    return Conversation(
        id=str(row.id),
        party=Party(str(row.org_id), str(row.space_id), row.app_id, row.user_id, row.channel, bool(row.draft)),
        kind=cast("Kind", row.kind),
        name=row.name or "",
        section_id=str(row.section_id),
        created=row.created,
        updated=row.updated,
    )
