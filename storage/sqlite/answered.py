"""The answer of a run in the conversation that it is a turn of, stored with the event that ends the run."""

from __future__ import annotations

import sqlite3
from typing import Final

from storage.ids import new_id
from storage.records import Owner
from storage.sqlite.insertion import insert_rows
from storage.turns import INTO_MESSAGES, answer_key, question_key, storable

_SECTION: Final = "SELECT section_id FROM conversation WHERE id = ? AND space_id = ?"
_QUESTION: Final = "SELECT round_id FROM conversation_message WHERE conversation_id = ? AND key = ?"
_NEWEST: Final = "SELECT MAX(round_id) FROM conversation_message WHERE conversation_id = ? AND section_id = ?"


def keep_answer(driver: sqlite3.Connection, owner: Owner, conversation_id: int, answer: str, at: int) -> None:
    """Say it in the conversation as that is now: in another section, if the run cleared its history."""
    found = driver.execute(_SECTION, (conversation_id, owner.space_id)).fetchone()
    if found is None:
        # Deleted while the run was under way.
        return
    (section_id,) = found
    key, said = answer_key(owner.run_id), new_id()
    if driver.execute(_QUESTION, (conversation_id, key)).fetchone() is not None:
        return
    asked = driver.execute(_QUESTION, (conversation_id, question_key(owner.run_id))).fetchone()
    (newest,) = asked or driver.execute(_NEWEST, (conversation_id, section_id)).fetchone()
    place = (owner.org_id, owner.space_id, conversation_id, section_id, newest or said)
    message = (owner.run_id, key, "assistant", "text", at, at, storable(answer))
    insert_rows(driver, {INTO_MESSAGES: [(said, *place, *message)]})
    driver.execute("UPDATE conversation SET updated = ? WHERE id = ?", (at, conversation_id))
