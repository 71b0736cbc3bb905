"""What every store of knowledge keeps, finds, and keeps from others."""

import pytest

from engine.errors import InvalidInput, NotFound
from storage.ports.knowledge import Chunking, Knowledge, NewDocument
from storage.stores import Stores
from tests.storage.contracts.conftest import NewBase

RULES = NewDocument(
    "规则.txt", "退款申请需要三天。\n运费由买家承担。\nReturns are free.", url="https://x.test/规则.txt"
)


async def found(knowledge: Knowledge, base: str, query: str, min_score: float = 0.0) -> list[str]:
    slices = await knowledge.retrieve("7", "8", [base], query, top_k=10, min_score=min_score)
    return [one.text for one in slices]


async def test_a_document_that_was_written_is_found(knowledge: Knowledge, new_base: NewBase) -> None:
    base = await new_base()
    written = await knowledge.write("7", "8", base, RULES, key="run/step")
    assert (written.state, written.name, written.chunks, written.url) == ("ready", "规则.txt", 1, RULES.url)
    [one] = await knowledge.retrieve("7", "8", [base], "退款要几天", search="semantic")
    assert (one.document_id, one.document_name, one.base_id) == (written.document_id, "规则.txt", base)
    assert one.text == RULES.text
    assert 0 < one.score < 1


async def test_lines_are_put_together_up_to_the_size(knowledge: Knowledge, new_base: NewBase) -> None:
    base = await new_base()
    lines = "\n".join(f"line {number} of this text" for number in range(100))
    written = await knowledge.write("7", "8", base, NewDocument("a", lines), key="a")
    assert written.chunks <= 4


async def test_the_same_key_is_the_same_document(knowledge: Knowledge, new_base: NewBase) -> None:
    base = await new_base()
    first = await knowledge.write("7", "8", base, RULES, key="run/step")
    assert await knowledge.write("7", "8", base, RULES, key="run/step") == first
    assert (await knowledge.write("7", "8", base, RULES, key="run/other")).document_id != first.document_id
    assert len(await found(knowledge, base, "退款")) == 2


async def test_an_attempt_that_broke_off_is_taken_up_again(
    knowledge: Knowledge, new_base: NewBase, stores: Stores
) -> None:
    base = await new_base()
    failed = await stores.knowledge.of(7, 8).fail(int(base), RULES, "run/step", "no luck")
    assert await found(knowledge, base, "退款") == []
    written = await knowledge.write("7", "8", base, RULES, key="run/step")
    assert (written.document_id, written.state, written.failure) == (str(failed.id), "ready", "")
    assert len(await found(knowledge, base, "退款")) == 1


async def test_only_finished_documents_are_found(knowledge: Knowledge, new_base: NewBase, stores: Stores) -> None:
    base = await new_base()
    # As a process leaves it that dies between the index and the row.
    await stores.fulltext.put(int(base), 99, ["退款"] * 30)
    await knowledge.write("7", "8", base, RULES, key="a")
    assert await found(knowledge, base, "退款") == [RULES.text]


async def test_a_deleted_document_is_not_found(knowledge: Knowledge, new_base: NewBase) -> None:
    base = await new_base()
    written = await knowledge.write("7", "8", base, RULES, key="a")
    assert await knowledge.delete("7", "8", base, written.document_id)
    assert not await knowledge.delete("7", "8", base, written.document_id)
    assert not await knowledge.delete("7", "8", base, "no id")
    assert await found(knowledge, base, "退款") == []


async def test_a_deletion_that_is_asked_for_again_gives_what_it_gave(knowledge: Knowledge, new_base: NewBase) -> None:
    base = await new_base()
    written = await knowledge.write("7", "8", base, RULES, key="a")
    assert await knowledge.delete("7", "8", base, written.document_id, key="1/delete")
    assert await knowledge.delete("7", "8", base, written.document_id, key="1/delete")
    assert not await knowledge.delete("7", "8", base, written.document_id, key="1/again")


async def test_a_document_of_another_base_is_not_deleted(knowledge: Knowledge, new_base: NewBase) -> None:
    base, other = await new_base(), await new_base()
    written = await knowledge.write("7", "8", base, RULES, key="a")
    assert not await knowledge.delete("7", "8", other, written.document_id)
    assert len(await found(knowledge, base, "退款")) == 1


@pytest.mark.parametrize(("org", "space"), [("9", "8"), ("7", "9")])
async def test_what_belongs_to_others_is_not_found(
    knowledge: Knowledge, new_base: NewBase, org: str, space: str
) -> None:
    base = await new_base()
    written = await knowledge.write("7", "8", base, RULES, key="a")
    with pytest.raises(NotFound):
        await knowledge.retrieve(org, space, [base], "退款")
    with pytest.raises(NotFound):
        await knowledge.write(org, space, base, RULES, key="b")
    with pytest.raises(NotFound):
        await knowledge.delete(org, space, base, written.document_id)
    with pytest.raises(NotFound):
        await knowledge.bases(org, space, [base])
    assert len(await found(knowledge, base, "退款")) == 1


async def test_results_are_the_best_above_the_score_and_no_more_than_asked_for(
    knowledge: Knowledge, new_base: NewBase
) -> None:
    base, other = await new_base(), await new_base("咖啡")
    for number in range(5):
        text = "green tea " * (number + 1) + "from the mountains"
        await knowledge.write("7", "8", base, NewDocument(f"{number}.txt", text), key=str(number))
    await knowledge.write("7", "8", other, NewDocument("c", "green coffee"), key="c")
    slices = await knowledge.retrieve("7", "8", [base, other], "green tea", top_k=4, min_score=0.0)
    assert len(slices) == 4
    assert slices == sorted(slices, key=lambda one: -one.score)
    good = await knowledge.retrieve("7", "8", [base, other], "green tea", top_k=10, min_score=0.6)
    assert {one.document_name for one in good} == {f"{number}.txt" for number in range(5)}


async def test_bases_are_told_in_the_order_asked_for(knowledge: Knowledge, new_base: NewBase) -> None:
    first, second = await new_base("一"), await new_base("二")
    assert [one.name for one in await knowledge.bases("7", "8", [second, first])] == ["二", "一"]
    for missing in ("1", "coze:7301", ""):
        with pytest.raises(NotFound, match="no knowledge base"):
            await knowledge.bases("7", "8", [first, missing])


@pytest.mark.parametrize(
    ("text", "chunking"),
    [
        (" \n ", Chunking()),
        ("x", Chunking(size=10)),
        ("x", Chunking(overlap=1.0)),
        ("x", Chunking(separator="")),
        ("word " * 250_000, Chunking(size=50, overlap=0)),
    ],
)
async def test_what_cannot_be_kept_is_refused(
    knowledge: Knowledge, new_base: NewBase, text: str, chunking: Chunking
) -> None:
    with pytest.raises(InvalidInput):
        await knowledge.write("7", "8", await new_base(), NewDocument("a", text), chunking=chunking, key="a")


async def test_an_index_that_was_lost_is_made_again(knowledge: Knowledge, new_base: NewBase, stores: Stores) -> None:
    base = await new_base()
    await knowledge.write("7", "8", base, RULES, key="a")
    await stores.fulltext.drop(int(base))
    assert await found(knowledge, base, "退款") == [RULES.text]
