"""LLM: what stands around the prompt: knowledge, what was said before, and media that the author declares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.canvas import JsonSchema
from engine.validation import WorkflowFace, validate
from nodes.chat import ChatMessage, MediaPart, TextPart
from storage.ports.conversations import Party
from tests.engine.draw import canvas, end, node, start
from tests.fakes.scripted_replies import Reply, ScriptedReplies
from tests.nodes.context import RUN, NodeWorld
from tests.nodes.drawing import LIBRARY, Walk, alone
from tests.nodes.kept_knowledge import PRICES

PICTURE = "https://files.example.test/tea.png"
SOUND = "https://files.example.test/tea.mp3"


async def asked(
    *replies: Reply, takes: tuple[str, ...] = ("images", "audio", "video"), world: NodeWorld | None = None, **data: Any
) -> tuple[tuple[ChatMessage, ...], Walk]:
    """What the model was told in the end, and the walk."""
    inputs = {"model": "m", **data.pop("inputs")}
    script = ScriptedReplies({"n": replies or ("Fine.",)}, takes=frozenset(takes))
    walk = Walk(alone(node("n", "llm", inputs, **data)), world, models=script)
    await walk.run()
    return script.asked[-1][1].messages, walk


def typed(**formats: str) -> dict[str, Any]:
    return {name: {"type": "string", "format": form} for name, form in formats.items()}


# --- media ---


async def test_a_declared_picture_is_shown_where_the_prompt_names_it() -> None:
    messages, _ = await asked(
        inputs={"prompt": "Look: {{pic}} and hear {{song}}. Again: {{pic}}", "pic": PICTURE, "song": SOUND},
        types=typed(pic="image", song="voice"),
    )
    assert messages[-1].content == (
        TextPart("Look: "),
        MediaPart("image", url=PICTURE),
        TextPart(" and hear "),
        MediaPart("audio", url=SOUND),
        TextPart(". Again: "),
        MediaPart("image", url=PICTURE),
    )


async def test_what_the_model_does_not_take_stays_a_url() -> None:
    messages, _ = await asked(
        takes=("images",),
        inputs={"prompt": "{{pic}} {{song}}", "pic": PICTURE, "song": SOUND},
        types=typed(pic="svg", song="audio"),
    )
    assert messages[-1].content == (MediaPart("image", url=PICTURE), TextPart(f" {SOUND}"))
    messages, _ = await asked(takes=(), inputs={"prompt": "See {{pic}}", "pic": PICTURE}, types=typed(pic="image"))
    assert messages[-1].content == f"See {PICTURE}"


@pytest.mark.parametrize("form", ["doc", "time", "excel"])
async def test_other_files_and_undeclared_urls_stay_text(form: str) -> None:
    messages, _ = await asked(
        inputs={"prompt": "{{pic}} {{other}}", "pic": PICTURE, "other": PICTURE + "?2"}, types=typed(pic=form)
    )
    assert messages[-1].content == f"{PICTURE} {PICTURE}?2"


async def test_a_picture_that_the_prompt_does_not_name_is_not_shown() -> None:
    messages, _ = await asked(inputs={"prompt": "Hi", "pic": PICTURE}, types=typed(pic="image"))
    assert messages[-1].content == "Hi"


async def test_media_of_the_system_prompt_come_first_in_the_users_message() -> None:
    messages, _ = await asked(
        inputs={"prompt": "What is it?", "system_prompt": "Look at {{pic}}.", "pic": PICTURE},
        types=typed(pic="image"),
    )
    assert messages[0] == ChatMessage("system", f"Look at {PICTURE}.")
    assert messages[-1].content == (MediaPart("image", url=PICTURE), TextPart("What is it?"))


async def test_pictures_in_a_list_are_found_by_their_own_urls_and_not_within_json() -> None:
    pictures = [PICTURE, PICTURE + "?large"]
    messages, _ = await asked(
        inputs={"prompt": "{{all}} {{all[1]}}", "all": {"value": pictures}},
        types={"all": {"type": "array", "items": {"type": "string", "format": "image"}}},
    )
    assert messages[-1].content == (
        TextPart(f'["{PICTURE}","{PICTURE}?large"] '),
        MediaPart("image", url=PICTURE + "?large"),
    )


async def test_declared_pictures_and_those_of_the_input_images_go_together() -> None:
    messages, _ = await asked(
        inputs={"prompt": "{{pic}}?", "pic": PICTURE, "images": {"value": [PICTURE + "?2"]}}, types=typed(pic="image")
    )
    assert messages[-1].content == (
        MediaPart("image", url=PICTURE),
        TextPart("?"),
        MediaPart("image", url=PICTURE + "?2"),
    )


# --- knowledge ---


async def test_what_is_found_stands_before_the_prompt() -> None:
    world = NodeWorld()
    messages, _ = await asked(
        world=world,
        inputs={"prompt": "{{what}}多少钱?", "what": "龙井茶"},
        settings={"knowledge": {"bases": ["1"], "search": "fulltext", "top_k": 2, "min_score": 0.1}},
    )
    text = messages[-1].text
    assert PRICES in text
    assert text.index(PRICES) < text.index("龙井茶多少钱?")
    # The prompt as it is filled in, and not its template.
    assert world.knowledge.asked == [("龙井茶多少钱?", "fulltext", 2, 0.1)]


@pytest.mark.parametrize(("given", "block"), [(None, ""), ("Nothing is known.", "Nothing is known.")])
async def test_nothing_found_is_no_block_or_the_words_for_it(given: str | None, block: str) -> None:
    messages, _ = await asked(
        inputs={"prompt": "xyzzy"},
        settings={"knowledge": {"bases": ["1"], "search": "fulltext", "min_score": 0.9, "no_recall": given}},
    )
    assert (messages[-1].text == "xyzzy") is (not block)
    assert block in messages[-1].text


async def test_knowledge_is_looked_up_once_for_all_turns() -> None:
    world = NodeWorld()
    messages, _ = await asked(
        {"calls": [{"name": "forecast", "arguments": {"city": "杭州", "days": 1}}]},
        "Fine.",
        world=world,
        inputs={"prompt": "龙井茶多少钱?"},
        settings={
            "knowledge": {"bases": ["1"], "search": "fulltext", "min_score": 0.1},
            "tools": [{"kind": "plugin", "plugin": "weather", "tool": "forecast"}],
        },
    )
    assert [message.role for message in messages] == ["user", "assistant", "tool"]
    assert PRICES in messages[0].text
    assert len(world.knowledge.asked) == 1


# --- history ---


async def talked(*, chat: bool = True) -> NodeWorld:
    """A run that answers a message of a conversation in which something was said before."""
    world = NodeWorld()
    store = world.conversations
    made = await store.open(Party(RUN.org_id, RUN.space_id, "1", RUN.user_id), "")
    talk = (RUN.org_id, RUN.space_id, made.conversation.id)
    for number in range(3):
        await store.add(*talk, "user", f"question {number}")
        await store.add(*talk, "assistant", f"answer {number}")
    return replace(world, run=replace(RUN, chat=chat, conversation_id=made.conversation.id))


async def test_what_was_said_before_stands_between_system_and_user_and_in_the_record() -> None:
    messages, walk = await asked(
        world=await talked(),
        inputs={"prompt": "Go on.", "system_prompt": "Be kind."},
        settings={"history": {"rounds": 2}},
    )
    assert [(message.role, message.text) for message in messages] == [
        ("system", "Be kind."),
        ("user", "question 1"),
        ("assistant", "answer 1"),
        ("user", "question 2"),
        ("assistant", "answer 2"),
        ("user", "Go on."),
    ]
    done = next(event for event in walk.runtime.events if event.key == "n:succeeded")
    details: Any = done.data["details"]
    assert details["chat_history"][0] == {"role": "user", "content": "question 1"}
    assert len(details["chat_history"]) == 4


async def test_nothing_was_said_before_outside_a_chat_or_without_the_setting() -> None:
    messages, _ = await asked(
        world=await talked(chat=False), inputs={"prompt": "Go on."}, settings={"history": {"rounds": 2}}
    )
    assert len(messages) == 1
    messages, _ = await asked(world=await talked(), inputs={"prompt": "Go on."})
    assert len(messages) == 1


# --- on a canvas ---


def test_a_tool_workflow_that_is_not_there_is_found() -> None:
    ask = node("n", "llm", {"prompt": "Hi"}, settings={"tools": [{"kind": "workflow", "workflow": "nothing"}]})
    drawn = canvas(start(), ask, end({}), lines="start>n>end")
    found = validate(drawn, LIBRARY.types, workflows=lambda workflow, version: None)
    assert [(one.code, one.field) for one in found] == [("unknown_workflow", "data.settings.tools.0.workflow")]
    assert [one.code for one in validate(drawn, LIBRARY.types)] == []


FACE: JsonSchema = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}


@pytest.mark.parametrize(
    ("tool", "found"),
    [
        ({"fixed": {"city": "A"}}, []),
        ({"hidden": ["city"]}, [("missing_input", "data.settings.tools.0")]),
        ({"fixed": {"days": "many"}}, [("wrong_type", "data.settings.tools.0.fixed.days")]),
        ({"hidden": ["town"]}, [("unknown_input", "data.settings.tools.0")]),
    ],
)
def test_what_the_model_does_not_give_is_checked(tool: dict[str, Any], found: list[tuple[str, str]]) -> None:
    ask = node("n", "llm", {"prompt": "Hi"}, settings={"tools": [{"kind": "workflow", "workflow": "w", **tool}]})
    drawn = canvas(start(), ask, end({}), lines="start>n>end")
    told = validate(drawn, LIBRARY.types, workflows=lambda workflow, version: WorkflowFace("w", "v1", inputs=FACE))
    assert [(one.code, one.field) for one in told] == found


@pytest.mark.parametrize("uses", [("own",), ()])
def test_a_tool_that_leads_back_is_found(uses: tuple[str, ...]) -> None:
    called = "w" if uses else "own"
    ask = node("n", "llm", {"prompt": "Hi"}, settings={"tools": [{"kind": "workflow", "workflow": called}]})
    drawn = canvas(start(), ask, end({}), lines="start>n>end")
    face = WorkflowFace(called, "v1", uses=uses)
    told = validate(drawn, LIBRARY.types, workflows=lambda workflow, version: face, own_id="own")
    assert [one.code for one in told] == ["recursive_workflow"]
