"""One conversation, with a picture and tools, as each protocol is to hear it."""

from __future__ import annotations

from tests.workers.models import openai_door, vendor_door
from tests.workers.models.vendor_door import CONVERSATION, TIME, WEATHER, saying


async def test_the_same_conversation_is_understood_by_every_protocol() -> None:
    """What a server would refuse of it, the fakes refuse; their tests hold each form, word for word."""
    request = saying(*CONVERSATION, tools=(WEATHER, TIME), max_tokens=50)
    async with openai_door.open_door() as openai:
        assert openai_door.text(await openai.ask("echo", request)) == "And now?"
        roles = [message["role"] for message in openai.body["messages"]]
        assert roles == ["system", "user", "assistant", "tool", "tool", "user"]
        user, assistant, *results = openai.body["messages"][1:5]
        assert [part["type"] for part in user["content"]][:2] == ["text", "image_url"]
        assert [call["id"] for call in assistant["tool_calls"]] == ["c1", "c2"]
        assert [result["tool_call_id"] for result in results] == ["c1", "c2"]
    for vendor, answer in (("anthropic", "晴 noon And now?"), ("gemini", "weather says 晴 time says noon And now?")):
        async with vendor_door.open_door(vendor) as door:  # type: ignore[arg-type]
            assert vendor_door.text(await door.ask("echo", request)) == answer
