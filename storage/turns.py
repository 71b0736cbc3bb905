"""A run as a turn of a conversation: what its user said, and what it answered, stored with the run itself.

The question goes in with the record of the run, the answer with the event that ends it: each in one transaction, so
that neither is there twice, or without the other thing, whatever dies in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from storage.database import Into
from storage.hashing import hashed
from storage.ids import new_id

INTO_MESSAGES: Final = Into(
    "conversation_message",
    (
        "id", "org_id", "space_id", "conversation_id", "section_id", "round_id", "run_id", "key", "role",
        "content_type", "created", "updated", "content",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Turn:
    """The conversation that a run is a turn of, its section when the run began, and what the user said, if anything."""

    conversation_id: int
    section_id: int
    question: str = ""


def question_key(run_id: int) -> str:
    """The key of what the user said to a run."""
    return hashed(f"{run_id}/input")


def answer_key(run_id: int) -> str:
    """The key of what a run answered."""
    return hashed(f"{run_id}/answer")


def turn_rows(
    turn: Turn, org_id: int, space_id: int, run_id: int, at: int, *, answer: str = "", answered: int = 0
) -> list[tuple[Any, ...]]:
    """Rows for `INTO_MESSAGES`: the question, and the answer of a run that is over."""
    rows: list[tuple[Any, ...]] = []
    whose = (org_id, space_id, turn.conversation_id, turn.section_id)
    round_id = new_id()
    if turn.question:
        mine = (round_id, run_id, question_key(run_id), "user", "text", at, at, storable(turn.question))
        rows.append((round_id, *whose, *mine))
    if answer:
        said = new_id()
        in_round = round_id if turn.question else said
        mine = (in_round, run_id, answer_key(run_id), "assistant", "text", answered, answered, storable(answer))
        rows.append((said, *whose, *mine))
    return rows


def storable(text: str) -> str:
    """The text, with a question mark for half a surrogate pair: no database takes that."""
    return text if text.isascii() else text.encode(errors="replace").decode()
