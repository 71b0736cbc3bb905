"""Runs and events to store."""

from typing import Any

from engine.events import EventType, RunEvent
from storage.ids import new_id
from storage.keyring import KeyRing
from storage.ports import ModelCall
from storage.runs import NewRun

KEYS = KeyRing({"tests": bytes(range(32))})


def a_run(**given: Any) -> NewRun:
    """A run that has just been asked for."""
    known: dict[str, Any] = {
        "id": new_id(),
        "workflow_id": 7,
        "workflow_key": "summarise",
        "workflow_name": "文章摘要",
        "version": "v0.0.1",
        "plan_hash": "a" * 64,
        "mode": "durable",
        "kind": "run",
        "created": 1_000,
        "inputs": {"article": "今天天气很好。"},
    }
    return NewRun(**{**known, **given})


def event(type_: EventType, path: str = "", *, at: int = 2_000, key: str = "", **data: Any) -> RunEvent:
    """An event; its key is made from what happened, as the interpreter does it."""
    word = type_.value.rpartition(".")[2]
    node = path.rpartition("/")[2].partition("[")[0]
    return RunEvent(key or f"{path or 'run'}:{word}", type_, at, path, node, data)


def a_whole_run(steps: int = 3) -> list[RunEvent]:
    """What a run of inline steps tells."""
    done = [
        event(
            EventType.STEP_SUCCEEDED,
            f"step_{number}",
            title=f"Step {number}",
            node_type="text",
            inputs={"n": number},
            output={"output": f"第{number}步"},
            attempt=1,
        )
        for number in range(steps)
    ]
    started = event(EventType.RUN_STARTED, inputs={"article": "今天天气很好。"}, version="v0.0.1")
    return [started, *done, event(EventType.RUN_SUCCEEDED, at=3_000, output={"output": "好"})]


def a_call(key: str, **given: Any) -> ModelCall:
    """A call that was paid for."""
    known: dict[str, Any] = {
        "org_id": "7",
        "space_id": "8",
        "run_id": "100",
        "workflow_id": "10",
        "node": "写作",
        "path": "写作",
        "attempt": 1,
        "model": "default",
        "provider": "openai",
        "vendor_model": "gpt-5",
        "outcome": "ok",
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_input_tokens": 40,
        "reasoning_tokens": 5,
        "cost": 250,
        "currency": "USD",
        "started": 1_800_000_000_000,
        "milliseconds": 1_500,
    }
    return ModelCall(key=key, **{**known, **given})
