"""Knowledge nodes: what is looked for and how, what is written once, and what is said of what could not be done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from engine.errors import InvalidInput, NodeFailed, NotFound
from nodes.chat import ChatDelta, ChatMessage, ChatRequest, ModelFailed
from nodes.knowledge.knowledge_delete import knowledge_delete
from nodes.knowledge.knowledge_retrieve import knowledge_retrieve
from nodes.knowledge.knowledge_write import knowledge_write
from nodes.knowledge.recall import Recall, _rewritten, recall
from nodes.ranking import Ranked
from nodes.sandbox import CodeFailed
from storage.ports.knowledge import Chunking
from tests.engine.draw import end, node, start
from tests.nodes.context import ExampleSite, NodeWorld
from tests.nodes.drawing import findings
from tests.nodes.kept_knowledge import PRICES
from tests.nodes.test_read_document import Files

FILE = "https://example.test/prices.csv"


def ranked_last_first(query: str, documents: Sequence[str]) -> tuple[Ranked, ...]:
    return tuple(Ranked(index, float(index)) for index in reversed(range(len(documents))))


@dataclass
class Backwards:
    """Models of which there is a ranking one, that likes the last best, and a chat model that answers with a query."""

    asked: list[ChatRequest] = field(default_factory=list)

    async def chat(self, name: str) -> Any:
        return self

    async def embedder(self, name: str) -> Any:
        raise ModelFailed("There is none.", reason="not_found")

    async def reranker(self, name: str) -> Any:
        return self

    async def rerank(self, query: str, documents: Sequence[str], *, top: int | None = None) -> tuple[Ranked, ...]:
        return ranked_last_first(query, documents)[:top]

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        self.asked.append(request)
        yield ChatDelta(text="龙井的")
        yield ChatDelta(text="价格", finish_reason="stop", usage={"input_tokens": 5})


def world(**more: Any) -> NodeWorld:
    made = NodeWorld(**more)
    made.knowledge.keys |= {("1", "b"): "2", ("1", "c"): "3"}
    made.knowledge.chunks |= {"2": ["龙井产于杭州。"], "3": ["Refunds take days."]}
    return made


async def test_slices_come_in_order_with_whole_numbers_for_ids() -> None:
    there = world(settings={"bases": ["1"], "search": "fulltext", "top_k": 2, "min_score": 0.1})
    found = await knowledge_retrieve.run({"Query": "龙井多少钱每斤"}, there)
    assert found == {"outputList": [{"documentId": 1, "output": PRICES}, {"documentId": 2, "output": "龙井产于杭州。"}]}
    assert (there.knowledge.asked, there.warned) == ([("龙井多少钱每斤", "fulltext", 2, 0.1)], [])


@pytest.mark.parametrize("query", [7, ["龙井"], {"a": "龙井"}, True])
async def test_a_query_that_is_no_text_is_refused(query: Any) -> None:
    with pytest.raises(InvalidInput, match="Query must be a text"):
        await knowledge_retrieve.run({"Query": query}, world(settings={"bases": ["1"]}))


@pytest.mark.parametrize("query", ["", "  ", None])
async def test_an_empty_query_finds_nothing_and_says_so(query: Any) -> None:
    there = world(settings={"bases": ["1"]})
    assert await knowledge_retrieve.run({"Query": query}, there) == {"outputList": []}
    assert there.warned == ["The query is empty: nothing was looked for."]


@pytest.mark.parametrize("search", ["semantic", "hybrid"])
async def test_searching_by_meaning_says_that_words_were_used(search: str) -> None:
    there = world(settings={"bases": ["1"], "search": search})
    assert (await knowledge_retrieve.run({"Query": "龙井"}, there))["outputList"]
    assert there.warned == [f"There is no index for {search} search yet: the knowledge was searched by its words."]


async def test_a_base_that_is_not_there_fails_the_step() -> None:
    with pytest.raises(NotFound, match="no knowledge base"):
        await knowledge_retrieve.run({"Query": "龙井"}, world(settings={"bases": ["coze:7301"]}))


async def test_a_ranking_model_orders_more_than_is_wanted() -> None:
    there = world(models=Backwards())
    wish = Recall(bases=["1"], search="fulltext", top_k=1, min_score=0.1, rerank=True)
    assert [one.text for one in await recall(there, wish, "龙井多少钱每斤")] == ["龙井产于杭州。"]
    assert there.knowledge.asked[0][2] == 4


async def test_without_a_ranking_model_the_order_stays_and_a_warning_says_so() -> None:
    there = world()
    wish = Recall(bases=["1"], search="fulltext", top_k=1, min_score=0.1, rerank=True)
    assert [one.text for one in await recall(there, wish, "龙井多少钱每斤")] == [PRICES]
    assert len(there.warned) == 1
    assert there.warned[0].startswith("What was found was not ranked by a model:")


async def test_a_question_is_rewritten_only_where_something_was_said_before() -> None:
    models = Backwards()
    there = world(models=models)
    assert await _rewritten(there, "它多少钱？", ()) == "它多少钱？"
    assert models.asked == []
    said = (ChatMessage(role="user", content="你们有龙井吗？"), ChatMessage(role="assistant", content="有。"))
    assert await _rewritten(there, "它多少钱？", said) == "龙井的价格"
    assert there.spent == {"input_tokens": 5}
    assert models.asked[0].messages[1].text == "user: 你们有龙井吗？\nassistant: 有。\nuser: 它多少钱？"


async def test_outside_of_a_conversation_nothing_is_rewritten() -> None:
    models = Backwards()
    settings = {"bases": ["1"], "search": "fulltext", "rewrite": True, "history": {"rounds": 3}}
    there = world(models=models, settings=settings)
    await knowledge_retrieve.run({"Query": "龙井"}, there)
    assert (models.asked, there.knowledge.asked[0][0]) == ([], "龙井")


async def test_a_file_is_read_cut_and_kept_once() -> None:
    there = world(settings={"base": "1"})
    given = {"knowledge": f"{FILE}?v=2&x-wf-file_name=%E4%BB%B7%E6%A0%BC%20%E8%A1%A8.csv#top"}
    written = await knowledge_write.run(given, there)
    assert written == {"documentId": 4, "fileName": "价格 表.csv", "fileUrl": f"{FILE}?v=2#top"}
    assert await knowledge_write.run(given, there) == written
    assert there.knowledge.cut_as[0] == Chunking()
    assert there.knowledge.documents["4"].kind == "csv"


async def test_chunks_are_cut_as_the_author_says() -> None:
    chunking = {"mode": "custom", "separator": "。", "max_tokens": 500, "overlap": 0.2}
    there = world(settings={"base": "1", "chunking": chunking, "parsing": {"mode": "accurate", "ocr": True}})
    await knowledge_write.run({"knowledge": FILE}, there)
    assert there.knowledge.cut_as == [Chunking("。", 500, 0.2)]
    assert there.warned == ["Pictures in documents, and the text in them, are not read yet."]


async def test_a_file_of_a_kind_that_is_not_read_says_which_are() -> None:
    there = world(settings={"base": "1"})
    with pytest.raises(CodeFailed, match=r"\.pdf, \.docx"):
        await knowledge_write.run({"knowledge": "https://example.test/slides.pptx"}, there)


async def test_a_file_without_text_is_not_kept() -> None:
    there = world(settings={"base": "1"}, http=Files(b" \n"))
    with pytest.raises(NodeFailed, match="holds no text"):
        await knowledge_write.run({"knowledge": "https://example.test/a.txt"}, there)


async def test_nothing_is_fetched_for_a_base_that_is_not_there() -> None:
    class Closed(ExampleSite):
        async def request(self, *given: Any, **more: Any) -> Any:
            raise AssertionError("it was fetched")

    with pytest.raises(NotFound):
        await knowledge_write.run({"knowledge": FILE}, world(settings={"base": "9"}, http=Closed()))


async def test_a_document_is_deleted_by_its_id() -> None:
    there = world(settings={"base": "1"})
    assert await knowledge_delete.run({"documentID": " 2 "}, there) == {"isSuccess": True}
    # As after a death of its process, before it could say so.
    assert await knowledge_delete.run({"documentID": "2"}, there) == {"isSuccess": True}
    later = replace(there, idempotency_key="1/later")
    assert await knowledge_delete.run({"documentID": "2"}, later) == {"isSuccess": False}
    with pytest.raises(InvalidInput):
        await knowledge_delete.run({"documentID": "二"}, there)


@pytest.mark.parametrize("name", ["knowledge_retrieve", "knowledge_write", "knowledge_delete"])
def test_a_node_without_a_base_is_a_finding(name: str) -> None:
    found = findings(start(), node("n", name), end(), lines="start>n n>end")
    assert [one.code for one in found] == ["knowledge_base_missing"]
