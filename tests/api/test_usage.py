"""What was spent, over HTTP."""

from storage.clock import now_ms
from storage.ledger import DAY_MS
from tests.api.drawings import greeting
from tests.api.serving import Serving
from tests.storage.samples import a_call

T = 1_800_000_000_000


async def test_usage_is_put_together_with_names_and_totals(serving: Serving) -> None:
    home = await serving.stores.organisations.ensure_default()
    flow = await serving.published(greeting(), "问候", key="greet")
    mine = {"org_id": str(home.org_id), "workflow_id": flow, "started": T}
    await serving.stores.ledger.record(
        [
            a_call("1", **mine, cost=1_500_000, run_id="5"),
            a_call("2", **mine, cost=2_500, outcome="timeout"),
            a_call("3", **mine, currency="CNY", estimated=True),
            a_call("4", **{**mine, "workflow_id": ""}, model="草稿", cost=200),
            a_call("5", org_id="99", started=T),
        ]
    )
    span = {"from": T - DAY_MS, "to": T + 1}
    usage = (await serving.get("/usage", by="workflow", **span)).json()
    assert [(one["workflow_id"], one["workflow_name"], one["currency"], one["cost"]) for one in usage["items"]] == [
        (flow, "问候", "USD", 1.5025),
        (flow, "问候", "CNY", 0.00025),
        (None, None, "USD", 0.0002),
    ]
    assert [(one["currency"], one["calls"], one["failed"], one["cost"]) for one in usage["totals"]] == [
        ("USD", 3, 1, 1.5027),
        ("CNY", 1, 0, 0.00025),
    ]
    assert (usage["truncated"], usage["since"], usage["until"]) == (False, T - DAY_MS, T + 1)
    runs = (await serving.get("/usage", by="node", run="5", **span)).json()
    assert [(one["node"], one["calls"], one["duration_ms"]) for one in runs["items"]] == [("写作", 1, 1_500)]
    assert [
        one["model"] for one in (await serving.get("/usage", by="model", model="草稿", **span)).json()["items"]
    ] == ["草稿"]
    assert len((await serving.get("/usage", by="run", workflow="greet", **span)).json()["items"]) == 3
    assert (await serving.get("/usage", workflow="nobody", **span)).status_code == 404


async def test_days_begin_where_one_lives(serving: Serving) -> None:
    home = await serving.stores.organisations.ensure_default()
    late = T // DAY_MS * DAY_MS + DAY_MS - 1_000
    await serving.stores.ledger.record([a_call("1", org_id=str(home.org_id), started=late)])
    span = {"by": "day", "from": late - DAY_MS, "to": late + 1}
    (day,) = (await serving.get("/usage", **span)).json()["items"]
    assert day["day"] == late + 1_000 - DAY_MS
    (day,) = (await serving.get("/usage", utc_offset=480, **span)).json()["items"]
    assert day["day"] == late + 1_000 - 8 * 3_600_000


async def test_without_moments_it_is_the_last_thirty_days(serving: Serving) -> None:
    home = await serving.stores.organisations.ensure_default()
    mine = {"org_id": str(home.org_id)}
    await serving.stores.ledger.record(
        [a_call("now", started=now_ms(), **mine), a_call("then", started=now_ms() - 31 * DAY_MS, **mine)]
    )
    usage = (await serving.get("/usage")).json()
    assert [one["calls"] for one in usage["totals"]] == [1]


async def test_what_makes_no_sense_is_refused(serving: Serving) -> None:
    for query in ({"by": "mood"}, {"from": 5, "to": 4}, {"from": -1}, {"utc_offset": 900}, {"to": 2**60}):
        assert (await serving.get("/usage", **query)).status_code == 422, query
    assert (await serving.get("/usage", run="no run")).status_code == 404
