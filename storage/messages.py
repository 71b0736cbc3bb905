"""What is said in conversations, in the relational store."""

from __future__ import annotations

from typing import Any, Final, cast

from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlmodel import col

from engine.errors import InvalidInput, NotFound
from storage.clock import now_ms
from storage.database import Database
from storage.hashing import hashed
from storage.ids import new_id, parse_id, read_id
from storage.ports.conversations import (
    MOST_MESSAGES,
    MOST_ROUNDS,
    ContentType,
    Message,
    MessagePage,
    Role,
)
from storage.repeated_writes import once
from storage.tables import ConversationMessage, ConversationRow, MessageFeedback

LONGEST_CONTENT: Final = 1_000_000
"""Characters of a message that somebody puts in; an answer of a run has the limits of the run's values."""
_MOST_READ: Final = 1_000

_FIELDS: Final[tuple[Any, ...]] = (
    col(ConversationMessage.id),
    col(ConversationMessage.conversation_id),
    col(ConversationMessage.section_id),
    col(ConversationMessage.round_id),
    col(ConversationMessage.run_id),
    col(ConversationMessage.role),
    col(ConversationMessage.content_type),
    col(ConversationMessage.content),
    col(ConversationMessage.created),
    col(ConversationMessage.updated),
)


def no_conversation(conversation_id: object) -> NotFound:
    """The finding that there is none."""
    return NotFound("There is no such conversation.", conversation_id=str(conversation_id)[:64])


def no_message(message_id: str) -> NotFound:
    """The finding that there is none."""
    return NotFound("There is no such message.", message_id=message_id[:64])


def section_of(connection: Connection, org: int, space: int, conversation: int) -> int:
    """The current section of a conversation. Raises `NotFound`."""
    found = connection.execute(
        select(col(ConversationRow.section_id)).where(
            col(ConversationRow.id) == conversation,
            col(ConversationRow.org_id) == org,
            col(ConversationRow.space_id) == space,
        )
    ).scalar()
    if found is None:
        raise no_conversation(conversation)
    return found


class SqlMessages:
    """The part of `storage.ports.conversations.Conversations` that is about messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def history(
        self, org_id: str, space_id: str, conversation_id: str, *, rounds: int, before_run: str = ""
    ) -> tuple[Message, ...]:
        """See the port."""
        org, space, conversation = _ids(org_id, space_id, conversation_id)
        rounds = min(rounds, MOST_ROUNDS)
        if rounds < 1:
            return ()

        def query(connection: Connection) -> list[Message]:
            section = section_of(connection, org, space, conversation)
            those = [
                col(ConversationMessage.conversation_id) == conversation,
                col(ConversationMessage.section_id) == section,
            ]
            if run := read_id(before_run):
                those.append(col(ConversationMessage.run_id) != run)
            begun = connection.execute(
                select(col(ConversationMessage.round_id))
                .where(*those, col(ConversationMessage.role) == "user")
                .order_by(col(ConversationMessage.round_id).desc())
                .limit(rounds)
            ).scalars()
            first = [*begun]
            if len(first) == rounds:
                those.append(col(ConversationMessage.round_id) >= first[-1])
            # The round first: what was answered late, after the next question, still stands behind its own.
            newest = (col(ConversationMessage.round_id).desc(), col(ConversationMessage.id).desc())
            return _read(connection, select(*_FIELDS).where(*those).order_by(*newest).limit(_MOST_READ))

        return tuple(reversed(await self._database.read(query)))

    async def messages(
        self,
        org_id: str,
        space_id: str,
        conversation_id: str,
        *,
        before: str = "",
        after: str = "",
        limit: int = MOST_MESSAGES,
    ) -> MessagePage:
        """See the port."""
        org, space, conversation = _ids(org_id, space_id, conversation_id)
        if before and after:
            raise InvalidInput("Messages are listed before one or after one, not both.", field="after")
        if not 1 <= limit <= MOST_MESSAGES:
            raise InvalidInput(f"A page holds 1 to {MOST_MESSAGES} messages.", field="limit", given=limit)
        statement = select(*_FIELDS).where(col(ConversationMessage.conversation_id) == conversation)
        if before:
            statement = statement.where(col(ConversationMessage.id) < parse_id(before, "message"))
        if after:
            statement = statement.where(col(ConversationMessage.id) > parse_id(after, "message"))
        order = col(ConversationMessage.id).asc() if after else col(ConversationMessage.id).desc()
        statement = statement.order_by(order).limit(limit + 1)

        def query(connection: Connection) -> list[Message]:
            section_of(connection, org, space, conversation)
            return _read(connection, statement)

        rows = await self._database.read(query)
        page = rows[:limit]
        return MessagePage(tuple(reversed(page) if after else page), has_more=len(rows) > limit)

    async def message(self, org_id: str, space_id: str, conversation_id: str, message_id: str) -> Message:
        """One message. Raises `NotFound`."""
        org, space, conversation = _ids(org_id, space_id, conversation_id)
        number = parse_id(message_id, "message")

        def query(connection: Connection) -> Message | None:
            section_of(connection, org, space, conversation)
            return _one(connection, conversation, number)

        if (found := await self._database.read(query)) is None:
            raise no_message(message_id)
        return found

    async def add(
        self,
        org_id: str,
        space_id: str,
        conversation_id: str,
        role: Role,
        content: str,
        *,
        content_type: ContentType = "text",
        run_id: str = "",
        key: str = "",
    ) -> Message:
        """See the port."""
        org, space, conversation = _ids(org_id, space_id, conversation_id)
        content = kept_content(content)
        mark = hashed(key) if key else None
        run = read_id(run_id) or 0

        def job(connection: Connection) -> Message | None:
            section = section_of(connection, org, space, conversation)
            if mark is not None and (said := _by_key(connection, conversation, mark)) is not None:
                return said
            made, now = new_id(), now_ms()
            current = None if role == "user" else _current_round(connection, conversation, section, run)
            connection.execute(
                insert(ConversationMessage).values(
                    id=made,
                    org_id=org,
                    space_id=space,
                    conversation_id=conversation,
                    section_id=section,
                    round_id=made if current is None else current,
                    run_id=run,
                    key=mark,
                    role=role,
                    content_type=content_type,
                    created=now,
                    updated=now,
                    content=content,
                )
            )
            touch(connection, conversation, now)
            return _one(connection, conversation, made)

        if (found := await self._database.write(job)) is None:
            raise no_conversation(conversation_id)
        return found

    async def edit(
        self,
        org_id: str,
        space_id: str,
        conversation_id: str,
        message_id: str,
        content: str,
        *,
        content_type: ContentType = "text",
    ) -> Message:
        """See the port."""
        org, space, conversation = _ids(org_id, space_id, conversation_id)
        number, content = parse_id(message_id, "message"), kept_content(content)

        def job(connection: Connection) -> Message | None:
            section_of(connection, org, space, conversation)
            now = now_ms()
            connection.execute(
                update(ConversationMessage)
                .where(col(ConversationMessage.id) == number, col(ConversationMessage.conversation_id) == conversation)
                .values(content=content, content_type=content_type, updated=now)
            )
            touch(connection, conversation, now)
            return _one(connection, conversation, number)

        if (found := await self._database.write(job)) is None:
            raise no_message(message_id)
        return found

    async def remove(self, org_id: str, space_id: str, conversation_id: str, message_id: str, *, key: str = "") -> bool:
        """See the port."""
        org, space, conversation = _ids(org_id, space_id, conversation_id)
        number = read_id(message_id) or 0

        def job(connection: Connection) -> bool:
            section_of(connection, org, space, conversation)
            gone = connection.execute(
                delete(ConversationMessage).where(
                    col(ConversationMessage.id) == number, col(ConversationMessage.conversation_id) == conversation
                )
            )
            connection.execute(delete(MessageFeedback).where(col(MessageFeedback.message_id) == number))
            touch(connection, conversation, now_ms())
            return gone.rowcount > 0

        return await self._database.write(once(space, key, job))


def touch(connection: Connection, conversation: int, now: int) -> None:
    """Note that something happened in a conversation."""
    connection.execute(update(ConversationRow).where(col(ConversationRow.id) == conversation).values(updated=now))


def _ids(org_id: str, space_id: str, conversation_id: str) -> tuple[int, int, int]:
    return parse_id(org_id, "organisation"), parse_id(space_id, "space"), parse_id(conversation_id, "conversation")


def kept_content(content: str) -> str:
    """The content as it is stored: with a question mark for half a surrogate pair, which no database takes."""
    if len(content) > LONGEST_CONTENT:
        raise InvalidInput(f"A message has at most {LONGEST_CONTENT} characters.", field="content", given=len(content))
    return content if content.isascii() else content.encode(errors="replace").decode()


def _current_round(connection: Connection, conversation: int, section: int, run: int) -> int | None:
    """The round that a run opened, or else the newest of the section."""
    rounds = select(col(ConversationMessage.round_id)).where(col(ConversationMessage.conversation_id) == conversation)
    newest = rounds.order_by(col(ConversationMessage.round_id).desc()).limit(1)
    if run:
        own = newest.where(col(ConversationMessage.run_id) == run, col(ConversationMessage.section_id) == section)
        if (found := connection.execute(own).scalar()) is not None:
            return found
    return connection.execute(newest.where(col(ConversationMessage.section_id) == section)).scalar()


def _one(connection: Connection, conversation: int, number: int) -> Message | None:
    mine = (col(ConversationMessage.id) == number, col(ConversationMessage.conversation_id) == conversation)
    return next(iter(_read(connection, select(*_FIELDS).where(*mine))), None)


def _by_key(connection: Connection, conversation: int, mark: str) -> Message | None:
    mine = (col(ConversationMessage.key) == mark, col(ConversationMessage.conversation_id) == conversation)
    return next(iter(_read(connection, select(*_FIELDS).where(*mine))), None)


def _read(connection: Connection, statement: Select[*tuple[Any, ...]]) -> list[Message]:
    return [
        Message(
            id=str(row.id),
            conversation_id=str(row.conversation_id),
            section_id=str(row.section_id),
            round_id=str(row.round_id),
            run_id=str(row.run_id) if row.run_id else "",
            role=cast("Role", row.role),
            content_type=cast("ContentType", row.content_type),
            content=row.content,
            created=row.created,
            updated=row.updated,
        )
        for row in connection.execute(statement)
    ]
