"""What was spent, put together in every way that somebody may ask for."""

from typing import Any

from storage.ledger import DAY_MS, SqlLedger, Which
from storage.stores import Stores
from tests.storage.samples import a_call

DAY = 1_800_000_000_000 // DAY_MS * DAY_MS


async def filled(stores: Stores) -> SqlLedger:
    await stores.ledger.record(
        [
            a_call("1", started=DAY, run_id="1", node="写", model="a", workflow_id="10"),
            a_call("2", started=DAY + DAY_MS - 1, run_id="1", node="读", model="b", workflow_id="10", cost=900),
            a_call("3", started=DAY + DAY_MS, run_id="2", node="写", model="a", workflow_id="11", outcome="timeout"),
            a_call(
                "4", started=DAY, run_id="2", node="写", model="a", workflow_id="11", currency="CNY", estimated=True
            ),
            a_call("5", org_id="8", started=DAY, run_id="1", node="写", model="a", workflow_id="10"),
        ]
    )
    return stores.ledger


async def test_days_are_those_of_utc_and_currencies_stay_apart(stores: Stores) -> None:
    spent = await (await filled(stores)).spent(7, "day", Which())
    assert [(one.day, one.currency, one.calls, one.cost) for one in spent] == [
        (DAY + DAY_MS, "USD", 1, 250),
        (DAY, "CNY", 1, 250),
        (DAY, "USD", 2, 1_150),
    ]
    assert [(one.failed, one.estimated) for one in spent] == [(1, 0), (0, 1), (0, 0)]
    assert (spent[2].input_tokens, spent[2].output_tokens, spent[2].cached_input_tokens) == (200, 40, 80)
    assert (spent[2].reasoning_tokens, spent[2].milliseconds) == (10, 3_000)


async def test_the_dearest_comes_first(stores: Stores) -> None:
    ledger = await filled(stores)
    models = await ledger.spent(7, "model", Which())
    assert [(one.model, one.currency, one.cost) for one in models] == [
        ("b", "USD", 900),
        ("a", "USD", 500),
        ("a", "CNY", 250),
    ]
    nodes = await ledger.spent(7, "node", Which())
    assert [(one.workflow_id, one.node) for one in nodes] == [(10, "读"), (10, "写"), (11, "写"), (11, "写")]
    assert [one.workflow_id for one in await ledger.spent(7, "workflow", Which())] == [10, 11, 11]
    assert [(one.run_id, one.workflow_id) for one in await ledger.spent(7, "run", Which())] == [
        (1, 10),
        (2, 11),
        (2, 11),
    ]
    assert len(await ledger.spent(7, "model", Which(), limit=2)) == 2


async def test_some_calls_can_be_looked_at_alone(stores: Stores) -> None:
    ledger = await filled(stores)

    async def calls(**which: Any) -> int:
        return sum(one.calls for one in await ledger.spent(7, "model", Which(**which)))

    assert await calls() == 4
    assert await calls(since=DAY + 1) == 2
    assert await calls(until=DAY + DAY_MS) == 3
    assert await calls(since=DAY + 1, until=DAY + DAY_MS) == 1
    assert await calls(run_id=1) == 2
    assert await calls(workflow_id=11, node="写") == 2
    assert await calls(model="b") == 1
    assert await calls(space_id=9) == 0


async def test_another_organisation_sees_its_own_alone(stores: Stores) -> None:
    ledger = await filled(stores)
    assert [one.calls for one in await ledger.spent(8, "day", Which())] == [1]
    assert await ledger.spent(9, "run", Which(run_id=1)) == []
