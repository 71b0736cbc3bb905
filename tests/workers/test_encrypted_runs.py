"""Runs with encrypted payloads: the same runs, of which neither Temporal's histories nor its database tell a value."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest

from engine.errors import Conflict, InvalidInput, NodeFailed
from engine.events import EventType
from engine.limits import Limits
from engine.values import Json
from nodes.context import NodeContext
from tests.engine.draw import callee, canvas, end, node, start
from tests.histories.recordings import Recording
from tests.histories.scenes import SCENES
from tests.workers.harness import Bench, World, bench, closed_histories, until
from tests.workers.memory_stores import MemoryKeys
from workers.client import RunStart
from workers.connection import TemporalOptions, connect
from workers.embedded import EmbeddedTemporal
from workers.encryption import ENCRYPTED, PayloadUnreadable, owner_of

CANARY = "canary-5d0f"


@pytest.fixture
def keys() -> MemoryKeys:
    return MemoryKeys()


@pytest.fixture
async def here(temporal_server: EmbeddedTemporal, keys: MemoryKeys) -> AsyncIterator[Bench]:
    async with bench(temporal_server, keys=keys, limits=Limits(inline_value_bytes=20_000)) as made:
        yield made


async def fail(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    raise NodeFailed(f"failed {CANARY}", body=f"fact {CANARY}")


async def crash(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    try:
        raise KeyError(f"cause {CANARY}")
    except KeyError as cause:
        raise ValueError(f"crashed {CANARY}") from cause


async def say(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    return {"text": f"said {CANARY}"}


async def say_much(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    # By reference, and a list of it beyond the limit of a payload.
    return {"text": CANARY * 3_000, "list": [f"{CANARY} {n}" for n in range(1_000)]}


async def histories(here: Bench, executor: str) -> list[tuple[str, list[HistoryEvent]]]:
    """Every history of a run and of its children."""
    found = await closed_histories(here.connection, f'WorkflowId STARTS_WITH "{executor}"')
    found.sort(key=lambda one: one.start_time)
    made = []
    for one in found:
        request = GetWorkflowExecutionHistoryRequest(
            namespace="default",
            execution=WorkflowExecution(workflow_id=one.id, run_id=one.run_id),
            maximum_page_size=10_000,
        )
        reply = await here.connection.client.workflow_service.get_workflow_execution_history(request)
        made.append((one.id, list(reply.history.events)))
    return made


async def told_to_temporal(here: Bench, run: RunStart) -> bytes:
    """All that stands in the histories of a run, as bytes."""
    return b"".join(event.SerializeToString() for _, events in await histories(here, run.executor) for event in events)


def payloads_in(value: Any) -> list[Payload]:
    """Every payload of a message, however deep."""
    if isinstance(value, Payload):
        return [value]
    found: list[Payload] = []
    if not hasattr(value, "ListFields"):
        return found
    for field, member in value.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            members = list(member.values())
        else:
            members = list(member) if hasattr(member, "append") or hasattr(member, "add") else [member]
        for one in members:
            found += payloads_in(one)
    return found


async def shows_nothing(here: Bench, run: RunStart) -> None:
    """Nothing in the histories of the run, nor among the payloads that were too big for them, tells the canary."""
    assert CANARY.encode() not in await told_to_temporal(here, run)
    for key, stored in here.blobs.kept.items():
        if key.startswith("payloads/"):
            assert CANARY.encode() not in stored


def on_disk(server: EmbeddedTemporal) -> bytes:
    """The database of the server, with what it has not moved into the main file yet."""
    folder: Path = server.options.data_dir
    return b"".join(file.read_bytes() for file in sorted(folder.glob("temporal.db*")))


def is_in(data: bytes, text: str) -> bool:
    """Whether a text stands there, also as base64."""
    shifted = [base64.b64encode(b"\0" * n + text.encode())[4:-4] for n in range(3)]
    return any(form in data for form in (text.encode(), *shifted))


async def test_values_stand_in_clear_without_keys(temporal_server: EmbeddedTemporal) -> None:
    """That the tests below would find them."""
    async with bench(temporal_server) as here:
        drawn = canvas(start({"q": "string"}), node("a", "work", {"q": "=start.q"}), end(), lines="start>a>end")
        clear = f"{CANARY}-in-clear"
        run = await here.start(drawn, {"q": clear})
        await here.ended(run)
        assert is_in(await told_to_temporal(here, run), clear)
        assert is_in(on_disk(temporal_server), clear)


async def test_no_value_of_a_run_stands_in_temporal(here: Bench, temporal_server: EmbeddedTemporal) -> None:
    here.world.handlers |= {"said": say, "much": say_much, "broken": fail, "crashed": crash}
    inner = canvas(
        start({"q": "string"}),
        node("said", "work", {"q": "=start.q"}),
        node("ask", "ask", {"question": f"Really {CANARY}?"}),
        end({"said": "=said.text", "answer": "=ask.answer"}),
        lines="start>said>ask>end",
    )
    drawn = canvas(
        start({"q": "string", "items": "array"}),
        node("broken", "work", {"q": "=start.q"}, on_error={"policy": "branch", "retries": 1}),
        node("crashed", "work", {"q": "=start.q"}, on_error={"policy": "default", "default": {"text": CANARY}}),
        node("local", "work", {"q": "=start.q", "why": "=broken.errorBody"}, settings={"tier": "local"}),
        node("much", "work", {"q": "{{crashed.text}} {{local.q}}"}),
        node("sub", "subworkflow", {"q": "=much.list.3"}, settings={"workflow": "inner"}),
        node(
            "each",
            "batch",
            {"items": "=start.items", "limit": 1_000},
            blocks=[node("a", "work", {"n": "=item", "more": "=sub.said"}, settings={"tier": "local"})],
            lines="each>a>each",
            results={"all": "=a.n"},
        ),
        end({"all": "=each.all", "answer": "=sub.answer", "long": "=much.text"}),
        lines="start>broken broken:error>crashed>local>much>sub>each>end broken>end",
    )
    items: Json = [f"{CANARY} {n}" for n in range(120)]
    run = await here.start(drawn, {"q": f"input {CANARY}", "items": items}, callee("inner", inner))
    opened = await here.told(run, EventType.WAIT_OPENED)
    data: Any = opened.data
    await here.client.answer(data["executor"], data["wait_id"], f"answer {CANARY}", answer_id="1")
    ended = await here.ended(run)
    output = await here.client_output(ended)
    assert output["all"] == items
    assert output["answer"] == f"answer {CANARY}"
    assert output["long"] == CANARY * 3_000
    await shows_nothing(here, run)
    assert any(key.startswith("payloads/") for key in here.blobs.kept)
    run_on_disk = on_disk(temporal_server)
    assert run.executor.encode() in run_on_disk
    assert not is_in(run_on_disk.replace(f"{CANARY}-in-clear".encode(), b""), CANARY)


async def test_every_payload_of_a_history_is_encrypted_with_its_organisations_key(
    here: Bench, keys: MemoryKeys
) -> None:
    drawn = canvas(
        start({"q": "string"}), node("a", "work", {"q": "=start.q"}), end({"q": "=a.q"}), lines="start>a>end"
    )
    for org_id in ("mine", "theirs"):
        run = await here.start(drawn, {"q": CANARY}, org_id=org_id, details="Some *details*.")
        assert (await here.ended(run)).data["output"] == {"q": CANARY}
        [(_, events)] = await histories(here, run.executor)
        found = []
        for event in events:
            for field, attributes in event.ListFields():
                if field.name in ("marker_recorded_event_attributes", "upsert_workflow_search_attributes"):
                    # What Temporal itself writes of a local activity: its name and number.
                    continue
                found += [one for one in payloads_in(attributes) if one.metadata.get("type") != b"Keyword"]
        assert len(found) >= 6
        assert {one.metadata["encoding"] for one in found} == {ENCRYPTED}
        assert {owner_of(one) for one in found} == {org_id}
        assert {one.metadata["key"].decode() for one in found} == {keys.newest[org_id]}
    assert {*keys.newest} == {"mine", "theirs"}


async def test_a_run_that_fails_tells_why_to_its_reader_alone(here: Bench) -> None:
    here.world.handlers["a"] = fail
    run = await here.start(canvas(start(), node("a", "work", {"q": CANARY}), end(), lines="start>a>end"))
    ended = await here.ended(run)
    error: Any = ended.data["error"]
    assert error["message"] == f"failed {CANARY}"
    failure: Any = await here.client.failure(run.executor)
    assert (failure.message, failure.type) == (f"failed {CANARY}", "node_failed")
    await shows_nothing(here, run)
    # For whoever searches runs, the code is not a value.
    assert (await here.attributes(run.executor))["AppErrorCode"] == "node_failed"


async def test_an_answer_that_does_not_fit_is_refused_in_words(here: Bench) -> None:
    asks = canvas(
        start(),
        node("ask", "ask", {"question": "?", "options": {"value": ["yes", "no"]}}),
        end({"a": "=ask.answer"}),
        lines="start>ask>end",
    )
    run = await here.start(asks)
    opened: Any = (await here.told(run, EventType.WAIT_OPENED)).data
    with pytest.raises(InvalidInput, match=r"\w+ \w+"):
        await here.client.answer(opened["executor"], "ask", {"no": CANARY}, answer_id="1")
    await here.client.answer(opened["executor"], "ask", "yes", answer_id="2")
    assert (await here.ended(run)).data["output"] == {"a": "yes"}
    with pytest.raises(Conflict):
        await here.client.answer(opened["executor"], "ask", "no", answer_id="3")
    await shows_nothing(here, run)


async def test_why_a_run_was_cancelled_is_for_its_reader_alone(here: Bench) -> None:
    begun = asyncio.Event()

    async def wait(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        begun.set()
        await asyncio.sleep(60)
        return {}

    here.world.handlers["a"] = wait
    run = await here.start(canvas(start(), node("a", "work", {}), end(), lines="start>a>end"))
    await begun.wait()
    await here.client.cancel(run.executor, f"because {CANARY}")
    ended = await here.ended(run)
    assert (ended.type, ended.data["reason"]) == (EventType.RUN_CANCELLED, f"because {CANARY}")
    await shows_nothing(here, run)


async def test_a_long_run_hands_its_values_over_encrypted(temporal_server: EmbeddedTemporal, keys: MemoryKeys) -> None:
    async with bench(temporal_server, keys=keys, hand_over_events=30) as here:
        drawn = canvas(
            start({"q": "string"}),
            node(
                "turns",
                "loop",
                {"count": 12},
                settings={"mode": "count"},
                blocks=[node("a", "work", {"n": "{{start.q}} {{index}}"})],
                lines="turns>a>turns",
                results={"all": "=a.n"},
            ),
            end({"all": "=turns.all"}),
            lines="start>turns>end",
        )
        run = await here.start(drawn, {"q": CANARY})
        assert (await here.ended(run)).data["output"] == {"all": [f"{CANARY} {n}" for n in range(12)]}
        assert await here.histories(run.executor) >= 3
        await shows_nothing(here, run)


async def test_slices_with_histories_of_their_own_are_encrypted(here: Bench) -> None:
    drawn = canvas(
        start({"items": "array"}),
        node(
            "each",
            "batch",
            {"items": "=start.items", "limit": 10_000},
            blocks=[node(name, "work", {"n": "=item"}) for name in "ab"],
            lines="each>a>b>each",
            results={"all": "=b.n"},
        ),
        end({"n": "=each.all.0"}),
        lines="start>each>end",
    )
    begun = await here.start(drawn, {"items": [f"{CANARY} {n}" for n in range(1_100)]})
    await here.told(begun, EventType.STEP_SUCCEEDED, "each[0]/b", seconds=30)
    await here.client.cancel(begun.executor)
    await here.ended(begun, seconds=60)
    assert any("[" in executor for executor, _ in await histories(here, begun.executor))
    await shows_nothing(here, begun)


async def test_titles_are_shown_to_whoever_has_the_key(here: Bench, keys: MemoryKeys) -> None:
    drawn = canvas(start(), node("a", "work", {}, title=f'"{CANARY}" ' * 13), end(), lines="start>a>end")
    run = await here.start(drawn, title=CANARY * 40, details=f"Details of {CANARY}.")
    await here.ended(run)
    await shows_nothing(here, run)
    shown = await here.connection.client.get_workflow_handle(run.executor).describe()
    assert str(await shown.static_summary()).startswith(CANARY)
    assert await shown.static_details() == f"Details of {CANARY}."


async def test_what_a_run_waits_for_is_asked_of_it_and_comes_encrypted(here: Bench) -> None:
    asks = canvas(
        start(),
        node("ask", "ask", {"question": "?"}, title="Approve"),
        end({"a": "=ask.answer"}),
        lines="start>ask>end",
    )
    run = await here.start(asks)
    await here.waits(run)
    handle = here.connection.client.get_workflow_handle(run.executor)
    shown = await handle.query("__temporal_workflow_metadata")
    assert "Approve" in json.dumps(shown, ensure_ascii=False, default=str)
    await here.client.answer(run.executor, "ask", "yes", answer_id="1")
    await here.ended(run)


@pytest.mark.parametrize(
    "name", ["failure", "loop_over_several_histories", "sub_workflow", "question", "values_by_reference", "retries"]
)
async def test_an_encrypted_history_replays(temporal_server: EmbeddedTemporal, keys: MemoryKeys, name: str) -> None:
    scene = SCENES[name]
    world = World(handlers=dict(scene.handlers))
    options = {"limits": scene.limits, "hand_over_events": scene.hand_over_events}
    async with bench(temporal_server, keys=keys, world=world, **options) as here:  # type: ignore[arg-type]
        run = await here.start(scene.drawn, scene.inputs, *scene.callees)
        if scene.drive is not None:
            await scene.drive(here, run)
        await here.ended(run)
        found = await closed_histories(here.connection, f'WorkflowId STARTS_WITH "{run.executor}"')
        found.sort(key=lambda one: one.start_time)
        taken = []
        for one in found:
            handle = here.connection.client.get_workflow_handle(one.id, run_id=one.run_id)
            taken.append({"id": one.id, "events": (await handle.fetch_history()).to_json_dict()})
        recording = Recording(
            name,
            plans={digest: json.loads(data) for digest, data in here.plans.kept.items()},
            blobs={key: data for key, data in here.blobs.kept.items() if key.startswith("payloads/")},
            histories=taken,
            told=[],
            keys={key_id: known.key for key_id, known in keys.known.items()},
        )
        told = await recording.replay()
        assert "run:" in " ".join(told[0] + told[-1])
        with pytest.raises(Exception, match=keys.newest["org"]):
            await dataclasses.replace(recording, keys={}).replay()


async def test_a_run_begun_in_clear_goes_on_encrypted(temporal_server: EmbeddedTemporal, keys: MemoryKeys) -> None:
    asks = canvas(
        start({"q": "string"}),
        node("ask", "ask", {"question": "?"}),
        end({"q": "=start.q", "a": "=ask.answer"}),
        lines="start>ask>end",
    )
    async with bench(temporal_server, task_queue="from clear to encrypted") as before:
        run = await before.start(asks, {"q": "old"})
        await before.waits(run)
    async with bench(temporal_server, keys=keys, task_queue="from clear to encrypted") as after:
        after.plans.kept.update(before.plans.kept)
        after.log.events.update(before.log.events)
        await after.client.answer(run.executor, "ask", CANARY, answer_id="1")
        ended = await after.ended(run)
        assert ended.data["output"] == {"q": "old", "a": CANARY}
        await shows_nothing(after, run)


async def test_a_run_whose_key_is_missing_waits_for_it_and_goes_on(
    temporal_server: EmbeddedTemporal, keys: MemoryKeys, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost, others go on, and the server asks again less and less often."""
    queue = "a missing key"
    asks = canvas(start(), node("ask", "ask", {"question": "?"}), end({"a": "=ask.answer"}), lines="start>ask>end")
    async with bench(temporal_server, keys=keys, task_queue=queue) as before:
        run = await before.start(asks)
        await before.waits(run)
    lost = MemoryKeys()
    async with bench(temporal_server, keys=lost, task_queue=queue) as after:
        after.plans.kept.update(before.plans.kept)
        after.log.events.update(before.log.events)
        answering = asyncio.create_task(after.client.answer(run.executor, "ask", "yes", answer_id="1"))
        key_id = keys.newest["org"]

        async def complained() -> bool:
            return any(key_id in (record.exc_text or "") for record in caplog.records)

        await until(complained)
        # Other runs do not notice.
        other = await after.run(canvas(start(), node("a", "work", {"n": 1}), end({"n": "=a.n"}), lines="start>a>end"))
        assert other.data["output"] == {"n": 1}
        failures = [record for record in caplog.records if "Failed handling activation" in record.getMessage()]
        assert len(failures) < 10
        lost.known.update(keys.known)
        await answering
        ended = await after.ended(run)
        assert ended.data["output"] == {"a": "yes"}


async def test_an_end_that_cannot_be_read_names_the_key(temporal_server: EmbeddedTemporal, keys: MemoryKeys) -> None:
    async with bench(temporal_server, keys=keys) as here:
        here.world.handlers["a"] = fail
        run = await here.start(canvas(start(), node("a", "work", {}), end(), lines="start>a>end"))
        await here.ended(run)
        connection = await connect(TemporalOptions(address=temporal_server.address), here.blobs, MemoryKeys())
        stranger = type(here.client)(connection)
        found = await stranger.failure(run.executor)
        assert isinstance(found, PayloadUnreadable)
        assert found.facts["key_id"] == keys.newest["org"]
