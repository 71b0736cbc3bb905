"""What every ledger keeps: each call once, however often it is told."""

import asyncio

from storage.ports import BEGUN, ModelLedger
from tests.storage.contracts.conftest import Total
from tests.storage.samples import a_call


async def test_a_call_counts_once_however_often_it_is_told(ledger: ModelLedger, total: Total) -> None:
    await ledger.record([a_call("一"), a_call("一"), a_call("二")])
    await ledger.record([a_call("二", cost=99), a_call("三")])
    assert await total() == (3, 3 * 250)


async def test_the_end_of_a_call_takes_the_place_of_its_beginning_and_never_the_other_way(
    ledger: ModelLedger, total: Total
) -> None:
    await ledger.record([a_call("一", outcome=BEGUN, cost=7), a_call("二", outcome=BEGUN, cost=7)])
    assert await total() == (2, 14)
    await ledger.record([a_call("一", outcome="ok", cost=100), a_call("二", outcome=BEGUN, cost=9)])
    assert await total() == (2, 107)
    await ledger.record([a_call("一", outcome=BEGUN, cost=1), a_call("一", outcome="cancelled", cost=1)])
    assert await total() == (2, 107)


async def test_the_same_call_told_by_many_at_once_counts_once(ledger: ModelLedger, total: Total) -> None:
    await asyncio.gather(*(ledger.record([a_call("same"), a_call(f"k{number}")]) for number in range(20)))
    assert (await total())[0] == 21


async def test_recording_nothing_changes_nothing(ledger: ModelLedger, total: Total) -> None:
    await ledger.record([])
    assert await total() == (0, 0)


async def test_many_calls_are_recorded_at_once(ledger: ModelLedger, total: Total) -> None:
    await ledger.record([a_call(f"k{number}") for number in range(1_000)])
    assert (await total())[0] == 1_000


async def test_texts_of_any_length_and_ids_of_no_run_are_taken(ledger: ModelLedger, total: Total) -> None:
    long = "很长" * 1_000
    call = a_call(long, run_id="no run", workflow_id="", node=long, path=long, model=long, vendor_model=long)
    await ledger.record([call, a_call(long + "!"), a_call("half \ud83d")])
    assert (await total())[0] == 3
