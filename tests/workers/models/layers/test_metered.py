"""Every call is in the ledger once, with what it used and cost, however it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from itertools import count

import pytest

from conf.catalogue import Prices, load_catalogue
from engine.errors import FlowError
from engine.runtime import RunContext
from nodes.chat import ChatDelta, ModelFailed, ModelUnavailable, ToolCall
from nodes.ranking import Embeddings, Ranked
from storage.errors import StorageUnavailable
from storage.ports import BEGUN, ModelCall
from tests.workers.models.layers.models import Speaker, answer, question
from workers.egress import EgressRefused
from workers.models.accounts import MOST_TOKENS, Account, Books, cost_of
from workers.models.entry import ModelEntry
from workers.models.layers.metered import Metered, MeteredEmbedder, MeteredReranker
from workers.models.layers.tally import estimate
from workers.models.source import CallSite

RUN = RunContext(run_id="1", org_id="10", space_id="20", workflow_id="30", version="v1", plan_hash="")
SITE = CallSite(RUN, "ask", "each[1]/ask", attempt=2, delivery=3)
USAGE = {"input_tokens": 1_000, "output_tokens": 100, "cached_input_tokens": 400, "reasoning_tokens": 20}
FACTS = load_catalogue().facts("openai", "gpt-4o", "chat")
assert FACTS is not None
ENTRY = ModelEntry(
    "5", 1, "writer", "openai", "gpt-4o", FACTS, prices=Prices(input=2.5, output=10, cached_input=1.25, currency="EUR")
)


class Ledger:
    """Keeps the ends of calls in a list, and what has begun beside it; fails as often as it is told."""

    def __init__(self, troubles: int = 0) -> None:
        self.calls: list[ModelCall] = []
        self.begun: list[ModelCall] = []
        self.one_has_begun = asyncio.Event()
        self._troubles = troubles

    async def record(self, calls: Sequence[ModelCall]) -> None:
        if self._troubles:
            self._troubles -= 1
            raise StorageUnavailable("The disk is full.")
        if begun := [call for call in calls if call.outcome == BEGUN]:
            self.begun += begun
            self.one_has_begun.set()
        self.calls += [call for call in calls if call.outcome != BEGUN]


def account(ledger: Ledger) -> Account:
    return Account(Books(ledger), SITE, ENTRY, count(1).__next__)


async def test_a_call_is_written_down_with_its_place_its_tokens_and_its_cost() -> None:
    ledger = Ledger()
    model = Metered(Speaker([ChatDelta(text="hi"), ChatDelta(usage=USAGE, finish_reason="stop")]), account(ledger))
    began = time.time_ns()
    for _ in range(2):
        await answer(model, question("hi"))
    both = (time.time_ns() - began) / 1_000_000
    first, second = ledger.calls
    assert (first.key, second.key) == ("1/each[1]/ask/2/3/1", "1/each[1]/ask/2/3/2")
    assert (first.org_id, first.space_id, first.run_id, first.workflow_id) == ("10", "20", "1", "30")
    assert (first.node, first.path, first.attempt) == ("ask", "each[1]/ask", 2)
    assert (first.model, first.provider, first.vendor_model, first.outcome) == ("writer", "openai", "gpt-4o", "ok")
    assert (first.input_tokens, first.output_tokens) == (1_000, 100)
    assert (first.cached_input_tokens, first.reasoning_tokens, first.estimated) == (400, 20, False)
    assert (first.cost, first.currency) == (600 * 2.5 + 400 * 1.25 + 100 * 10, "EUR")
    assert began // 1_000_000 <= first.started <= second.started
    assert 0 <= first.milliseconds + second.milliseconds <= both + 2


async def test_a_call_under_way_is_written_down_already_should_its_process_die() -> None:
    ledger = Ledger()
    async with aclosing(Metered(Speaker(), account(ledger)).stream(question("你好, dear"))) as deltas:
        await anext(deltas)
        await ledger.one_has_begun.wait()
        (begun,) = ledger.begun
        assert (begun.key, begun.outcome) == ("1/each[1]/ask/2/3/1", BEGUN)
        assert (begun.input_tokens, begun.output_tokens, begun.estimated) == (estimate(["你好, dear"]), 0, True)
        assert ledger.calls == []
    assert [one.key for one in ledger.calls] == [begun.key]


async def test_the_call_is_written_down_before_the_answer_has_ended() -> None:
    ledger = Ledger()
    async for delta in Metered(Speaker(), account(ledger)).stream(question("hi")):
        if not delta.finish_reason:
            assert ledger.calls == []
    assert len(ledger.calls) == 1


async def test_tokens_that_nobody_tells_are_estimated_and_flagged() -> None:
    ledger = Ledger()
    pieces = [
        ChatDelta(reasoning="想一想"),
        ChatDelta(text="12345678"),
        ChatDelta(tool_calls=(ToolCall("1", "look", {}),)),
        ChatDelta(finish_reason="stop"),
    ]
    await answer(Metered(Speaker(pieces), account(ledger)), question("你好 world"))
    (call,) = ledger.calls
    assert (call.input_tokens, call.output_tokens, call.estimated) == (2 + 2, 3 + 4, True)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ModelFailed("No.", reason="auth"), "auth"),
        (ModelUnavailable("Later.", reason="rate_limited"), "rate_limited"),
        (EgressRefused("That address may not be called."), EgressRefused.code),
        (ValueError("a bug"), "failed"),
    ],
)
@pytest.mark.parametrize("heard", [False, True])
async def test_a_call_that_fails_is_written_down_with_why_and_costs_what_was_heard(
    error: Exception, outcome: str, heard: bool
) -> None:
    ledger = Ledger()
    pieces: list[ChatDelta | Exception] = [ChatDelta(text="four"), error] if heard else [error]
    with pytest.raises(type(error)):
        await answer(Metered(Speaker(pieces), account(ledger)), question("four"))
    (call,) = ledger.calls
    assert (call.outcome, call.input_tokens, call.output_tokens) == (outcome, int(heard), int(heard))


async def test_a_call_that_is_cancelled_or_left_is_written_down() -> None:
    ledger = Ledger()
    going = asyncio.Event()
    metered = Metered(Speaker([ChatDelta(text="four"), going]), account(ledger))
    task = asyncio.create_task(answer(metered, question("four")))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with aclosing(metered.stream(question("four"))) as deltas:
        await anext(deltas)
    assert [(call.outcome, call.output_tokens) for call in ledger.calls] == [("cancelled", 1), ("cancelled", 1)]


async def test_a_reader_that_leaves_after_the_last_piece_has_had_all_of_it() -> None:
    ledger = Ledger()
    async with aclosing(Metered(Speaker(), account(ledger)).stream(question("hi"))) as deltas:
        async for delta in deltas:
            if delta.finish_reason:
                break
    assert [call.outcome for call in ledger.calls] == ["ok"]


async def test_a_ledger_in_trouble_is_told_again_and_the_answer_does_not_wait_for_long() -> None:
    ledger = Ledger(troubles=2)
    books = Books(ledger)
    await answer(Metered(Speaker(), Account(books, SITE, ENTRY, count(1).__next__)), question("hi"))
    await books.aclose()
    assert len(ledger.calls) == 1


async def test_vectors_and_rankings_are_counted_too() -> None:
    class Ranks:
        dimensions = 1
        usage: dict[str, int] = {}  # noqa: RUF012
        error: FlowError | None = None

        async def embed(self, texts: object, *, purpose: str = "document") -> Embeddings:
            if self.error is not None:
                raise self.error
            return Embeddings(((1.0,),), self.usage)

        async def rerank(self, query: str, documents: object, *, top: int | None = None) -> tuple[Ranked, ...]:
            return (Ranked(0, 1.0),)

    ledger, ranks = Ledger(), Ranks()
    embedder = MeteredEmbedder(ranks, account(ledger))
    await embedder.embed(["12345678"])
    ranks.usage = {"input_tokens": 6, "total_tokens": 6}
    await embedder.embed(["12345678"])
    ranks.error = ModelFailed("No.", reason="auth")
    with pytest.raises(ModelFailed):
        await embedder.embed(["12345678"])
    await MeteredReranker(ranks, account(ledger)).rerank("1234", ["5678"])
    told = [(call.outcome, call.input_tokens, call.estimated) for call in ledger.calls]
    assert told == [("ok", 2, True), ("ok", 6, False), ("auth", 0, False), ("ok", 2, True)]


@pytest.mark.parametrize(
    ("prices", "cost"),
    [
        (None, 0),
        (Prices(input=1), 1_000),
        (Prices(input=1, output=2), 1_200),
        (Prices(input=1, cached_input=0), 600),
        (Prices(input=0.0004), 0),
    ],
)
def test_costs_are_in_millionths(prices: Prices | None, cost: int) -> None:
    assert cost_of(prices, USAGE) == cost


def test_more_cached_than_given_costs_nothing_back() -> None:
    assert cost_of(Prices(input=1, cached_input=0.5), {"input_tokens": 10, "cached_input_tokens": 20}) == 5


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("你好", 2), ("你好ab", 3)])
def test_an_estimate_knows_chinese(text: str, tokens: int) -> None:
    assert estimate([text]) == tokens


async def test_more_tokens_than_there_can_be_are_no_more_than_the_ledger_holds() -> None:
    ledger = Ledger()
    told = {"input_tokens": 2**52, "output_tokens": 2**52}
    await answer(Metered(Speaker([ChatDelta(usage=told, finish_reason="stop")]), account(ledger)), question("hi"))
    (call,) = ledger.calls
    assert (call.input_tokens, call.output_tokens) == (MOST_TOKENS, MOST_TOKENS)
    dearest = Prices(input=10**6, output=10**6)
    # A thousand thousand such calls can still be added up in 63 bits.
    assert cost_of(dearest, told) * 10**6 < 2**63
