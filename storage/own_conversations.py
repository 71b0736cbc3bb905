"""The conversations of one person: made, listed by numbered pages, and walked through message by message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, InvalidInput
from storage.clock import now_ms
from storage.conversations import checked_party, checked_word, place_of
from storage.database import Database
from storage.ids import new_id, parse_id
from storage.messages import kept_content, no_conversation, no_message, touch
from storage.ports.conversations import Party
from storage.tables import ConversationMessage, ConversationRow, MessageFeedback

MOST_PAIRS: Final = 16
_LONGEST_NAME: Final = 64
_LONGEST_TEXT: Final = 512
_CONVERSATION: Final[Any] = ConversationRow.__table__.columns  # type: ignore[attr-defined]
_MESSAGE: Final[Any] = ConversationMessage.__table__.columns  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Saying:
    """Something to be said. `content_type` is `text` or `object_string`."""

    role: str
    content: str
    content_type: str = "text"
    meta: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Some:
    """Rows, and whether there are more behind them."""

    rows: list[Row[*tuple[Any, ...]]]
    more: bool


class OwnConversations:
    """What a person has in a space, for runs of published versions. Anybody else's is not found."""

    def __init__(self, database: Database, org_id: int, space_id: int, person: str, app_id: str | None = None) -> None:
        """With `app_id` those of one application alone."""
        self._database = database
        self._org_id = org_id
        self._space_id = space_id
        self._person = person
        self._mine = [
            col(ConversationRow.org_id) == org_id,
            col(ConversationRow.space_id) == space_id,
            col(ConversationRow.user_id) == person,
        ]
        if app_id is not None:
            self._mine.append(col(ConversationRow.app_id) == app_id)

    async def make(
        self, app_id: str, channel: str, name: str, meta: Mapping[str, str], said: Sequence[Saying]
    ) -> Row[*tuple[Any, ...]]:
        """A new conversation, with what was said before. Nodes find the first of a name; later ones only bear it."""
        party = Party(str(self._org_id), str(self._space_id), app_id, self._person, channel)
        checked_party(party)
        if name:
            checked_word(name, "name")
        check_meta(meta)
        for one in said:
            check_meta(one.meta or {})
        number, section, now = new_id(), new_id(), now_ms()
        row = {
            "id": number,
            "org_id": self._org_id,
            "space_id": self._space_id,
            "app_id": app_id,
            "user_id": self._person,
            "channel": channel,
            "draft": 0,
            "kind": "dynamic",
            "name": name or None,
            "party": place_of(party),
            "place": place_of(party, name) if name else None,
            "section_id": section,
            "created": now,
            "updated": now,
            "meta": dict(meta),
        }
        messages = self._messages(number, section, said)

        def job(connection: Connection) -> None:
            taken = select(col(ConversationRow.id)).where(
                col(ConversationRow.space_id) == self._space_id, col(ConversationRow.place) == row["place"]
            )
            free = row["place"] is None or connection.execute(taken).first() is None
            connection.execute(insert(ConversationRow).values({**row, "place": row["place"] if free else None}))
            if messages:
                connection.execute(insert(ConversationMessage), messages)

        try:
            await self._database.write(job)
        except IntegrityError:
            # Another process has just made one of that name: now it is seen.
            await self._database.write(job)
        return await self.get(str(number))

    async def get(self, conversation_id: str) -> Row[*tuple[Any, ...]]:
        """Raises `NotFound`."""
        number = parse_id(conversation_id, "conversation")
        statement = select(*_CONVERSATION).where(*self._mine, col(ConversationRow.id) == number)
        row = await self._database.read(lambda connection: connection.execute(statement).first())
        if row is None:
            raise no_conversation(conversation_id)
        return row

    async def page(
        self, app_id: str, channel: str, number: int, size: int, *, by: Literal["created", "updated"], oldest: bool
    ) -> Some:
        """The page of this number, counted from 1."""
        statement = select(*_CONVERSATION).where(*self._mine, col(ConversationRow.draft) == 0)
        if app_id:
            statement = statement.where(col(ConversationRow.app_id) == app_id)
        if channel:
            statement = statement.where(col(ConversationRow.channel) == channel)
        column: Any = col(ConversationRow.updated) if by == "updated" else col(ConversationRow.id)
        order = [column, col(ConversationRow.id)]
        statement = statement.order_by(*(order if oldest else [one.desc() for one in order]))
        statement = statement.offset((number - 1) * size).limit(size + 1)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return Some([*rows[:size]], len(rows) > size)

    async def rename(self, conversation_id: str, name: str) -> Row[*tuple[Any, ...]]:
        """Give it another name. Raises `NotFound`, and `Conflict` where the application names it."""
        known = await self.get(conversation_id)
        if known.kind == "static":
            raise Conflict("The conversation is one of its application's own, which names it.", name=known.name)
        checked_word(name, "name")
        party = Party(
            str(self._org_id), str(self._space_id), known.app_id, known.user_id, known.channel, bool(known.draft)
        )
        place = place_of(party, name)

        def job(connection: Connection) -> None:
            taken = connection.execute(
                select(col(ConversationRow.id)).where(
                    col(ConversationRow.space_id) == self._space_id,
                    col(ConversationRow.place) == place,
                    col(ConversationRow.id) != known.id,
                )
            ).first()
            connection.execute(
                update(ConversationRow)
                .where(col(ConversationRow.id) == known.id)
                .values(name=name, place=place if taken is None else None, updated=now_ms())
            )

        await self._database.write(job)
        return await self.get(conversation_id)

    async def note(self, conversation_id: str, meta: Mapping[str, str]) -> Row[*tuple[Any, ...]]:
        """Put these texts beside a conversation, instead of those there were. Raises `NotFound`."""
        known = await self.get(conversation_id)
        check_meta(meta)
        change = update(ConversationRow).where(col(ConversationRow.id) == known.id).values(meta=dict(meta))
        await self._database.write(lambda connection: connection.execute(change).close())
        return await self.get(conversation_id)

    async def say(self, conversation_id: str, said: Saying) -> Row[*tuple[Any, ...]]:
        """Say something in the current section. Raises `NotFound`."""
        known = await self.get(conversation_id)
        check_meta(said.meta or {})

        def job(connection: Connection) -> int:
            section = connection.execute(
                select(col(ConversationRow.section_id)).where(col(ConversationRow.id) == known.id)
            ).scalar()
            if section is None:
                raise no_conversation(conversation_id)
            [message] = self._messages(known.id, section, [said])
            if said.role != "user":
                newest = (
                    select(col(ConversationMessage.round_id))
                    .where(
                        col(ConversationMessage.conversation_id) == known.id,
                        col(ConversationMessage.section_id) == section,
                    )
                    .order_by(col(ConversationMessage.round_id).desc())
                    .limit(1)
                )
                message["round_id"] = connection.execute(newest).scalar() or message["id"]
            connection.execute(insert(ConversationMessage).values(message))
            touch(connection, known.id, message["created"])
            return int(message["id"])

        return await self.message(conversation_id, str(await self._database.write(job)))

    async def message(self, conversation_id: str, message_id: str) -> Row[*tuple[Any, ...]]:
        """One message. Raises `NotFound`."""
        known = await self.get(conversation_id)
        number = parse_id(message_id, "message")
        statement = select(*_MESSAGE).where(
            col(ConversationMessage.conversation_id) == known.id, col(ConversationMessage.id) == number
        )
        row = await self._database.read(lambda connection: connection.execute(statement).first())
        if row is None:
            raise no_message(message_id)
        return row

    async def change(
        self,
        conversation_id: str,
        message_id: str,
        *,
        content: str | None,
        content_type: str | None,
        meta: Mapping[str, str] | None,
    ) -> Row[*tuple[Any, ...]]:
        """Let a message say something else; what is None stays. Raises `NotFound`."""
        known = await self.message(conversation_id, message_id)
        check_meta(meta or {})
        given = {
            "content": None if content is None else kept_content(content),
            "content_type": content_type,
            "meta": None if meta is None else dict(meta),
        }
        values = {name: value for name, value in given.items() if value is not None}
        now = now_ms()

        def job(connection: Connection) -> None:
            mine = col(ConversationMessage.id) == known.id
            connection.execute(update(ConversationMessage).where(mine).values(updated=now, **values))
            touch(connection, known.conversation_id, now)

        await self._database.write(job)
        return await self.message(conversation_id, message_id)

    async def messages(
        self, conversation_id: str, *, oldest: bool, run_id: int | None, before: str, after: str, limit: int
    ) -> Some:
        """A page of messages in the order asked for: from its beginning, or what stands there next to a message."""
        known = await self.get(conversation_id)
        if before and after:
            raise InvalidInput("Messages are listed before one or after one, not both.", field="after_id")
        column: Any = col(ConversationMessage.id)
        statement = select(*_MESSAGE).where(col(ConversationMessage.conversation_id) == known.id)
        if run_id is not None:
            statement = statement.where(col(ConversationMessage.run_id) == run_id)
        # Whoever pages through them goes on after the last one that he has seen, whichever way the time goes.
        rising = oldest != bool(before)
        if (mark := before or after) != "":
            at = parse_id(mark, "message")
            statement = statement.where(column > at if rising else column < at)
        statement = statement.order_by(column.asc() if rising else column.desc()).limit(limit + 1)
        rows = [*await self._database.read(lambda connection: connection.execute(statement).all())]
        page = rows[:limit]
        return Some(page[::-1] if before else page, len(rows) > limit)

    async def rate(
        self, conversation_id: str, message_id: str, kind: str, reasons: Sequence[str], comment: str
    ) -> None:
        """Say what one thinks of a message, instead of what one thought before. Raises `NotFound`."""
        known = await self.message(conversation_id, message_id)
        now = now_ms()
        row = {
            "message_id": known.id,
            "person": self._person,
            "org_id": self._org_id,
            "space_id": self._space_id,
            "conversation_id": known.conversation_id,
            "kind": kind,
            "created": now,
            "updated": now,
            "comment": comment,
            "reasons": [*reasons],
        }

        def job(connection: Connection) -> None:
            connection.execute(_feedback(known.id, self._person))
            connection.execute(insert(MessageFeedback).values(row))

        await self._database.write(job)

    async def unrate(self, conversation_id: str, message_id: str) -> None:
        """Take back what one said of a message; nothing is fine. Raises `NotFound` for the message."""
        known = await self.message(conversation_id, message_id)
        gone = _feedback(known.id, self._person)
        await self._database.write(lambda connection: connection.execute(gone).close())

    def _messages(self, conversation: int, section: int, said: Sequence[Saying]) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        current = 0
        for one in said:
            number, now = new_id(), now_ms()
            current = number if one.role == "user" or not current else current
            made.append(
                {
                    "id": number,
                    "org_id": self._org_id,
                    "space_id": self._space_id,
                    "conversation_id": conversation,
                    "section_id": section,
                    "round_id": current,
                    "run_id": 0,
                    "key": None,
                    "role": one.role,
                    "content_type": one.content_type,
                    "created": now,
                    "updated": now,
                    "content": kept_content(one.content),
                    "meta": dict(one.meta or {}),
                }
            )
        return made


def check_meta(meta: Mapping[str, str]) -> None:
    """Raises `InvalidInput` for more than is kept beside a thing."""
    if len(meta) > MOST_PAIRS:
        raise InvalidInput(f"meta_data has at most {MOST_PAIRS} entries.", field="meta_data")
    for name, text in meta.items():
        if not 1 <= len(name) <= _LONGEST_NAME or len(text) > _LONGEST_TEXT:
            raise InvalidInput(
                f"Names in meta_data have 1 to {_LONGEST_NAME} characters, their texts at most {_LONGEST_TEXT}.",
                field="meta_data",
            )


def _feedback(message_id: int, person: str) -> Any:
    return delete(MessageFeedback).where(
        col(MessageFeedback.message_id) == message_id, col(MessageFeedback.person) == person
    )
