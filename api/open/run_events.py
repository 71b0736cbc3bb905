"""A run as the stream of events that `workflows.runs.stream` and `.resume` read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from api.open.outcomes import content_of, failure_of, json_text, usage_of
from api.open.sse import OpenEvent
from api.open.telling import Asked, Ended, Said, Told

QUESTION: Final = 2
FORM: Final = 5
"""Kinds of interrupts: of the others we have none."""
_TYPES: Final = {"message": "Message", "end": "End", "question": "QuestionAnswer", "form": "Input"}


async def run_events(told: AsyncIterator[Told], execute_id: str, debug_url: str) -> AsyncIterator[OpenEvent]:
    """The events, to the end of the run or the first question."""
    ending: Said | None = None
    async for one in told:
        match one:
            case Said(label=label, piece=piece) if label.ends and piece.last:
                # What was spent stands beside it, and is known when the run has ended.
                ending = one
            case Said():
                yield OpenEvent("Message", _message(one))
            case Asked():
                if not one.form:
                    yield OpenEvent("Message", _question(one))
                if one.open:
                    yield OpenEvent("Interrupt", _interrupt(one, execute_id, debug_url))
            case Ended(run=run) if run.state == "succeeded":
                yield OpenEvent("Message", _end(one, ending))
                yield OpenEvent("Done", {"debug_url": debug_url})
            case Ended(run=run):
                number, sentence = failure_of(run.state, run.error)
                yield OpenEvent("Error", {"error_code": number, "error_message": sentence, "debug_url": debug_url})


def _message(said: Said) -> dict[str, Any]:
    piece, label = said.piece, said.label
    data = {
        "content": piece.text,
        "node_title": "" if label.ends else label.title,
        "node_seq_id": str(piece.number),
        "node_is_finish": piece.last,
        "content_type": "text",
        "node_type": _TYPES.get(label.node_type, label.node_type),
        "node_id": piece.node,
    }
    # Told to who asks for it: the contents so far are void, this is the whole.
    return {**data, "ext": {"replaces": "true"}} if piece.replaces else data


def _end(ended: Ended, ending: Said | None) -> dict[str, Any]:
    """The last words of the end, with what the run has spent."""
    usage = usage_of(ended.run.input_tokens, ended.run.output_tokens)
    spent = {"token": usage["token_count"], "cost": "0", "usage": usage}
    if ending is not None:
        return {**_message(ending), **spent}
    return {
        "content": content_of(ended.answer, ended.output),
        "node_title": "",
        "node_seq_id": "0",
        "node_is_finish": True,
        "content_type": "text",
        "node_type": "End",
        "node_id": "end",
        **spent,
    }


def _question(asked: Asked) -> dict[str, Any]:
    return {
        "content": asked.prompt,
        "node_title": asked.title,
        "node_seq_id": "0",
        "node_is_finish": True,
        "content_type": "text",
        "node_type": "QuestionAnswer",
        "node_id": asked.node,
    }


def _interrupt(asked: Asked, execute_id: str, debug_url: str) -> dict[str, Any]:
    interrupt = {
        "event_id": f"{execute_id}/{asked.seq}",
        "type": FORM if asked.form else QUESTION,
        "data": interrupt_data(asked),
    }
    return {"interrupt_data": interrupt, "node_title": asked.title, "node_id": asked.node, "debug_url": debug_url}


def interrupt_data(asked: Asked) -> str:
    """What is asked, as JSON in a text: the sentence and its options, or the form."""
    if asked.form:
        return json_text({"content": asked.prompt, "schema": asked.data.get("schema")})
    return json_text({"content": asked.prompt, "options": asked.data.get("options") or []})
