"""A turn of a conversation as the stream of events that `workflows.chat.stream` reads."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from api.open.outcomes import content_of, failure_of, json_text, usage_of
from api.open.run_events import interrupt_data
from api.open.sse import OpenEvent
from api.open.telling import Asked, Ended, Said, Told
from storage.ids import new_id


@dataclass
class ChatTurn:
    """A chat as the SDK knows it: one run of the workflow, one answer."""

    chat_id: str
    conversation_id: str
    section_id: str
    bot_id: str
    created_at: int
    debug_url: str
    _messages: dict[str, tuple[str, list[str]]] = field(default_factory=dict[str, tuple[str, list[str]]])
    """The id and the pieces of each message under way, by its place."""

    async def events(self, told: AsyncIterator[Told]) -> AsyncIterator[OpenEvent]:
        """The events, to the end of the turn or to the next question, which the user's next message answers."""
        yield self._chat("created")
        yield self._chat("in_progress")
        said = False
        async for one in told:
            match one:
                case Said():
                    said = said or one.label.ends
                    for event in self._said(one):
                        yield event
                case Asked():
                    if not one.form and one.prompt:
                        for event in self._whole(one.prompt):
                            yield event
                    if one.open:
                        yield self._chat("requires_action", required_action=self._required(one))
                        yield self._done()
                case Ended(run=run) if run.state == "succeeded":
                    text = content_of(one.answer, one.output)
                    if not said and text:
                        for event in self._whole(text):
                            yield event
                    yield self._message("completed", self._finished(), kind="verbose")
                    usage = usage_of(run.input_tokens, run.output_tokens)
                    yield self._chat("completed", usage=usage, completed_at=_now())
                    yield self._done()
                case Ended(run=run):
                    number, sentence = failure_of(run.state, run.error)
                    error = {"code": number, "msg": sentence}
                    yield self._chat("failed", last_error=error, failed_at=_now())
                    yield self._done()

    def _said(self, said: Said) -> list[OpenEvent]:
        piece = said.piece
        message_id, pieces = self._messages.setdefault(piece.path, (str(new_id()), []))
        found: list[OpenEvent] = []
        if piece.replaces:
            # The pieces so far cannot be taken back; the message that counts is the completed one.
            pieces.clear()
        elif piece.text:
            found.append(self._message("delta", piece.text, message_id=message_id))
        pieces.append(piece.text)
        if piece.last:
            del self._messages[piece.path]
            found.append(self._message("completed", "".join(pieces), message_id=message_id))
        return found

    def _whole(self, text: str) -> list[OpenEvent]:
        message_id = str(new_id())
        return [self._message(name, text, message_id=message_id) for name in ("delta", "completed")]

    def _message(self, name: str, content: str, *, kind: str = "answer", message_id: str = "") -> OpenEvent:
        now = _now()
        data = {
            "id": message_id or str(new_id()),
            "conversation_id": self.conversation_id,
            "bot_id": self.bot_id,
            "role": "assistant",
            "type": kind,
            "content": content,
            "content_type": "text",
            "chat_id": self.chat_id,
            "section_id": self.section_id,
            "created_at": now,
            "updated_at": now,
            "meta_data": {},
        }
        return OpenEvent(f"conversation.message.{name}", data)

    def _chat(self, status: str, **more: Any) -> OpenEvent:
        data = {
            "id": self.chat_id,
            "conversation_id": self.conversation_id,
            "bot_id": self.bot_id,
            "created_at": self.created_at,
            "status": status,
            "section_id": self.section_id,
            "meta_data": {},
            "last_error": {"code": 0, "msg": ""},
            "usage": usage_of(0, 0),
            **more,
        }
        return OpenEvent(f"conversation.chat.{status}", data)

    def _required(self, asked: Asked) -> dict[str, Any]:
        """What would go on: the user's next message. The SDKs read it as the call of a tool."""
        call = {
            "id": f"{self.chat_id}/{asked.seq}",
            "type": "reply_message",
            "function": {"name": asked.title or asked.node, "arguments": interrupt_data(asked)},
        }
        return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}

    def _finished(self) -> str:
        return json_text({"msg_type": "generate_answer_finish", "data": "", "from_module": None, "from_unit": None})

    def _done(self) -> OpenEvent:
        return OpenEvent("done", {"debug_url": self.debug_url})


def _now() -> int:
    return int(time.time())
