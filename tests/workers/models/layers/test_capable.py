"""What a model cannot do is refused before it is asked."""

from __future__ import annotations

import pytest

from conf.catalogue import Capabilities
from nodes.chat import MediaKind, MediaPart, ModelFailed, TextPart, ToolSpec
from tests.workers.models.layers.models import HELLO, Speaker, answer, question
from workers.models.layers.capable import Capable

NOTHING = Capabilities.model_validate(dict.fromkeys(Capabilities.model_fields, False))


@pytest.mark.parametrize(
    ("kind", "name"), [("image", "images"), ("audio", "audio"), ("video", "video"), ("file", "files")]
)
async def test_media_that_a_model_does_not_take_are_refused(kind: MediaKind, name: str) -> None:
    within = Speaker()
    asked = question(TextPart("What is this?"), MediaPart(kind, b"x"))
    with pytest.raises(ModelFailed, match=f"The model blind does not take {name}.") as refused:
        await answer(Capable(within, "blind", NOTHING), asked)
    assert refused.value.facts == {"reason": "unsupported", "model": "blind", "capability": name}
    assert within.asked == []
    able = NOTHING.model_copy(update={name: True})
    assert await answer(Capable(within, "able", able), asked) == "".join(delta.text for delta in HELLO)


async def test_tools_are_refused_by_a_model_without() -> None:
    with pytest.raises(ModelFailed, match="does not take tools"):
        await answer(Capable(Speaker(), "m", NOTHING), question("hi", tools=(ToolSpec("clock"),)))


async def test_a_schema_may_always_be_wished_for() -> None:
    within = Speaker()
    await answer(Capable(within, "m", NOTHING), question("hi", json_schema={"type": "object"}, json_object=True))
    assert within.asked[0].json_schema == {"type": "object"}
