"""Every sentence that an answer can carry has a Chinese one, and each is found for what it is."""

import json
import re
import time
from functools import cache

import pytest

from api.language import spoken
from tests.api.phrases import collected
from tests.api.phrases_by_hand import KINDS, NEVER_SAID, TOO_COMMON, by_hand, checks, statuses
from tests.architecture.source import ROOT

_GAP = re.compile(r"\{(\d)!?\}")
SAMPLES = ("x", "客服机器人", "a-b_c.d", "42", "“引号”，还有。", "v1.2.3", "https://example.com/a?b=c")
READ_ELSEWHERE = {
    "api/open/starting.py: sentence": "the error of a run, told by the node that failed",
    "engine/converse.py: call.error": "what a tool said",
    "engine/inline.py: message": "the error of a run within a run",
    "engine/inspection.py: (*reversed(parts), *last)": "a path, no sentence",
    "engine/inspection.py: trail.path(key)": "a path, no sentence",
    "engine/memory.py: check_answer(wait, answer)": "what engine.answers says",
    "engine/validation/handling.py: misfit(handling.default, outputs, 'default')": "what engine.conversion says",
    "engine/validation/inputs.py: misfit(value, schema, field.removeprefix('data.inputs.'), "
    "any_case=not placed.is_a(Role.END))": "what engine.conversion says",
    "engine/validation/inputs.py: problems[0]": "what engine.conversion says",
    "engine/validation/schemas.py: misfit(default, schema, 'default')": "what engine.conversion says",
    "engine/validation/subworkflows.py: misfit(value, as_schema(known.get(name)), f'fixed.{name}')": (
        "what engine.conversion says"
    ),
    "nodes/logic/unavailable.py: settings.reason": "what the importer wrote into the node",
    "nodes/reading.py: ' '.join(sentences)": "several sentences: those of JOINED",
}


@cache
def phrases() -> dict[str, str]:
    found: dict[str, str] = json.loads((ROOT / "conf/phrases/zh.json").read_text("utf-8"))
    return found


@cache
def said() -> frozenset[str]:
    found = frozenset(collected().said) - NEVER_SAID - TOO_COMMON
    return found | {*by_hand()} | {*statuses()} | {*checks()}


def test_every_sentence_of_an_answer_has_a_chinese_one() -> None:
    places = collected().said
    assert [str(places.get(one, one)) for one in sorted(said() - {*phrases()})] == []


def test_no_phrase_is_left_of_a_sentence_that_nobody_says() -> None:
    assert sorted({*phrases()} - said()) == []


def test_what_the_search_cannot_follow_is_known() -> None:
    assert {*collected().unseen} == {*READ_ELSEWHERE}


def test_a_translation_has_the_gaps_of_its_sentence() -> None:
    dropped = re.compile(r" (should have at (least|most)|dictionary or (an )?instance of) ")
    differing = [
        english
        for english, other in phrases().items()
        if {*_GAP.findall(english)} != {*_GAP.findall(other)} and not dropped.search(english)
    ]
    assert differing == []


def test_a_translation_is_chinese_without_the_marks_of_english() -> None:
    marks = re.compile(r"[\u4e00-\u9fff][,;:?!]|[,;] ?[\u4e00-\u9fff]")
    assert [other for other in phrases().values() if marks.search(other.replace("!}", "}")) and "“" not in other] == []


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sentence_is_told_by_its_own_translation_whatever_it_is_filled_with(sample: str) -> None:
    wrong = []
    for english, other in phrases().items():
        if english.endswith("!") or not _GAP.search(english):
            continue
        wanted = _GAP.sub(sample, other)
        if (told := spoken(_GAP.sub(sample, english), "zh")) != wanted:
            wrong.append((english, told))
    assert wrong == []


@pytest.mark.parametrize("word", KINDS)
def test_a_name_that_is_a_word_of_ours_stays_a_name(word: str) -> None:
    assert spoken(f'There is no node type "{word}".', "zh") == f"没有节点类型“{word}”。"
    assert spoken(f"There is no plugin {word}.", "zh") == f"没有插件 {word}。"


def test_what_is_quoted_is_not_translated() -> None:
    assert spoken('There is no conversation "There is no such role.".', "zh") == "没有对话“There is no such role.”。"


def test_a_sentence_within_a_sentence_is_translated_too() -> None:
    assert spoken("body.key: Value error, This cannot be a header, and 2 more.", "zh") == (
        "body.key：This cannot be a header，另有 2 处错误。"
    )
    assert spoken(
        "1 rows do not fit, so that none was added. Row 3: The field 名称 takes a number; a text came.", "zh"
    ) == ("有 1 行不符合要求，因此未添加任何行。第 3 行：字段 名称 须为数字，但收到的是文本。")


@pytest.mark.parametrize(
    "text",
    [
        ": " * 995,
        "x: x, and x more" * 110,
        " must be , but  came." * 90,
        ' is  is; "; "' * 150,
        "The " * 498,
        "There is no " * 165,
        "(line , column )" * 120,
        "中" * 1_990,
        "{0}" * 660,
    ],
)
def test_no_sentence_makes_the_search_slow(text: str) -> None:
    began = time.process_time()
    for sentence in (text, f"There is no plugin {text}.", f"x: {text}."):
        spoken(sentence[:2_000], "zh")
    assert time.process_time() - began < 0.5


def test_english_pays_nothing() -> None:
    sentence = "There is no such workflow."
    assert spoken(sentence, "en") is sentence
