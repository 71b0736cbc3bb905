"""Errors are told in the language that the request asks for."""

import pytest

from api.language import language_of, spoken
from tests.api.serving import Serving


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


def test_what_nobody_has_translated_stays_as_it_is() -> None:
    assert spoken("Nobody ever said this", "zh") == "Nobody ever said this"
