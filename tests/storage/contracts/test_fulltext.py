"""What every index of texts finds, in which order, and how sure it is."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.ports.fulltext import FullText

TEA = [
    "龙井茶产于杭州，价格每斤九十元。",
    "普洱茶产于云南，可以存放多年。",
    "Refunds are paid within 14 days of the return.",
    "The café opens at nine; resumés are welcome.",
    "长江上有很多桥。桥很长。",
]


async def numbers(index: FullText, query: str, limit: int = 10) -> list[int]:
    return [hit.number for hit in await index.search([1], query, limit=limit)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("龙井", 0),
        ("龙井茶的价格是多少？", 0),
        ("云南有什么茶", 1),
        ("长江", 4),
        ("桥", 4),
        ("refund", 2),
        ("REFUNDS", 2),
        ("how many days until a refund is paid", 2),
        ("cafe resume", 3),
        ("ｃａｆé", 3),
    ],
)
async def test_the_chunk_that_speaks_of_it_comes_first(fulltext: FullText, query: str, first: int) -> None:
    await fulltext.put(1, 2, TEA)
    assert (await numbers(fulltext, query))[0] == first


async def test_what_holds_no_word_of_the_query_is_not_found(fulltext: FullText) -> None:
    await fulltext.put(1, 2, TEA)
    assert await numbers(fulltext, "咖啡") == []
    assert await numbers(fulltext, "") == []
    assert await numbers(fulltext, "?!… \0") == []


async def test_signs_of_a_query_language_are_text(fulltext: FullText) -> None:
    await fulltext.put(1, 2, ["near tea", "not coffee", "plain", "terms : tea*"])
    assert {*await numbers(fulltext, 'NEAR("tea" coffee, 2)')} == {0, 1, 3}
    assert {*await numbers(fulltext, "NOT plain")} == {1, 2}
    assert await numbers(fulltext, "plai*") == []
    assert {*await numbers(fulltext, 'terms:tea" OR "plain')} == {0, 2, 3}
    assert {*await numbers(fulltext, "rowid:1 ^tea -near {x}")} == {0, 3}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(query=st.text(st.characters() | st.sampled_from("\"'*^:()-+{}茶a")))
async def test_any_text_may_be_a_query(fulltext: FullText, query: str) -> None:
    await fulltext.put(1, 2, TEA)
    for hit in await fulltext.search([1], query, limit=3):
        assert 0 < hit.score < 1


async def test_scores_say_how_much_of_the_query_is_there(fulltext: FullText) -> None:
    await fulltext.put(1, 2, TEA)
    whole = (await fulltext.search([1], "refunds paid within 14 days", limit=1))[0].score
    part = (await fulltext.search([1], "refunds for broken umbrellas", limit=1))[0].score
    hardly = (await fulltext.search([1], "will umbrellas open when the weather turns bad", limit=1))[0].score
    assert 0.75 < whole < 1
    assert 0.4 < part < 0.7
    assert hardly < part


async def test_words_that_questions_are_made_of_neither_find_nor_lower_anything(fulltext: FullText) -> None:
    await fulltext.put(1, 2, [*TEA, "what do you do"])
    bare = await fulltext.search([1], "refund", limit=9)
    assert await fulltext.search([1], "How do I get a refund, please?", limit=9) == bare
    assert await numbers(fulltext, "what do you do") == [5]


async def test_one_chunk_alone_is_found_with_confidence(fulltext: FullText) -> None:
    await fulltext.put(1, 2, ["退款申请需要三天。"])
    [hit] = await fulltext.search([1], "如何申请退款？", limit=3)
    assert hit.score > 0.5


async def test_bases_are_searched_as_they_are_named_and_chunks_of_one_score_stay_in_order(fulltext: FullText) -> None:
    await fulltext.put(1, 2, ["green tea", "green tea"])
    await fulltext.put(1, 3, ["green tea"])
    await fulltext.put(5, 4, ["green tea", "black tea"])
    found = await fulltext.search([5, 1, 5, 9], "green tea", limit=10)
    assert [(hit.base_id, hit.document_id, hit.number) for hit in found][:4] in (
        [(1, 2, 0), (1, 2, 1), (1, 3, 0), (5, 4, 0)],
        [(5, 4, 0), (1, 2, 0), (1, 2, 1), (1, 3, 0)],
    )
    assert [hit.document_id for hit in await fulltext.search([1], "green tea", limit=2)] == [2, 2]


async def test_a_base_does_not_change_what_another_says(fulltext: FullText) -> None:
    await fulltext.put(1, 2, TEA)
    before = await fulltext.search([1], "龙井茶的价格", limit=5)
    await fulltext.put(3, 4, ["龙井茶的价格"] * 50)
    assert await fulltext.search([1], "龙井茶的价格", limit=5) == before


async def test_a_document_put_again_replaces_what_was_there(fulltext: FullText) -> None:
    await fulltext.put(1, 2, TEA)
    await fulltext.put(1, 2, ["nothing but coffee"])
    assert await numbers(fulltext, "龙井") == []
    assert await numbers(fulltext, "coffee") == [0]


async def test_what_is_removed_is_not_found(fulltext: FullText) -> None:
    await fulltext.put(1, 2, TEA)
    await fulltext.put(1, 3, ["龙井"])
    await fulltext.remove(1, 2)
    await fulltext.remove(1, 2)
    await fulltext.remove(8, 2)
    assert [hit.document_id for hit in await fulltext.search([1], "龙井", limit=9)] == [3]
    assert await fulltext.holds(1)
    await fulltext.drop(1)
    await fulltext.drop(1)
    assert not await fulltext.holds(1)
    assert await numbers(fulltext, "龙井") == []


async def test_a_long_document_is_found_quickly_enough(fulltext: FullText) -> None:
    chunks: list[Any] = [f"第{number}章 关于茶叶的历史与价格 chapter {number} tea" for number in range(3_000)]
    await fulltext.put(1, 2, chunks)
    assert (await numbers(fulltext, "chapter 1234"))[0] == 1234
    assert (await numbers(fulltext, "第2021章"))[0] == 2021
