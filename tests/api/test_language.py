"""Errors are told in the language that the request asks for."""

import re

import pytest

from api.language import language_of, spoken
from tests.api.serving import Serving
from tests.api.test_broken_canvases import is_object
from tests.canvases.table import broken_canvases


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB, zh;q=0.9", "en"),
        ("fr, zh-Hant;q=0.4, en;q=0.3", "zh"),
        ("fr", "en"),
        ("*", "en"),
        ("zh;q=0", "en"),
        ("zh;q=often, ;;, en;q=", "en"),
        ("," * 5_000, "en"),
    ],
)
def test_the_best_language_of_ours_is_chosen(header: str, language: str) -> None:
    assert language_of(header) == language


async def test_an_error_is_told_in_chinese_to_who_asks_for_it(serving: Serving) -> None:
    for wish, detail in (("zh-CN", "没有这样的工作流。"), ("en", "There is no such workflow.")):
        answer = await serving.client.get("/api/v1/workflows/7", headers={"accept-language": wish})
        assert answer.json()["detail"] == detail
        assert answer.headers["content-language"] == wish[:2]
        assert answer.json()["code"] == "not_found"


async def test_every_finding_of_a_body_is_told_in_chinese(serving: Serving) -> None:
    answer = await serving.client.post("/api/v1/workflows", json={}, headers={"accept-language": "zh"})
    assert {one["message"] for one in answer.json()["errors"]} == {"必填字段"}
    assert "必填字段" in answer.json()["detail"]


ZH = {"accept-language": "zh-CN"}
CANVASES = [one for one in broken_canvases() if is_object(one.document)]


async def test_every_finding_about_a_canvas_is_told_in_chinese(serving: Serving) -> None:
    english = []
    for broken in CANVASES:
        body = b'{"canvas": ' + broken.document + b"}"
        headers = {**ZH, "content-type": "application/json"}
        answer = await serving.client.post("/api/v1/validate", content=body, headers=headers)
        assert answer.headers["content-language"] == "zh"
        assert answer.headers["vary"] == "Accept-Language"
        found = answer.json()["diagnostics"]
        english += [
            one["message"] for one in found if not re.search(r"[\u4e00-\u9fff].*[。？]$", one["message"], re.DOTALL)
        ]
    assert english == []


async def test_findings_stay_english_for_everybody_else(serving: Serving) -> None:
    answer = await serving.post("/validate", {"canvas": {"nodes": [], "edges": []}})
    assert answer.headers["content-language"] == "en"
    assert {one["message"].isascii() for one in answer.json()["diagnostics"]} == {True}


async def test_the_open_interface_tells_its_errors_in_chinese_too(serving: Serving) -> None:
    answer = await serving.client.get("/v1/conversation/retrieve?conversation_id=7", headers=ZH)
    assert answer.json()["msg"] == "没有这样的对话。"
    assert answer.headers["content-language"] == "zh"
    assert answer.headers["vary"] == "Accept-Language"


async def test_the_status_and_the_findings_of_a_body_are_chinese(serving: Serving) -> None:
    answer = await serving.client.post("/api/v1/workflows", json={"name": 7, "stray": 1}, headers=ZH)
    assert answer.json()["title"] == "无法处理的内容"
    assert [one["message"] for one in answer.json()["errors"]] == ["须为文本", "不允许多余的字段"]


def test_what_nobody_has_translated_stays_as_it_is() -> None:
    assert spoken("Nobody ever said this", "zh") == "Nobody ever said this"
