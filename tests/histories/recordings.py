"""The form of a recording: one file per scene, with the plans, the histories, and what the run told."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from engine.errors import EngineError
from engine.events import RunEvent
from engine.plan import Plan, read_plan
from storage.ports import DataKey
from tests.workers.memory_stores import MemoryBlobs, MemoryKeys
from workers.connection import TemporalOptions, data_converter, payload_codec
from workers.interceptor import ProcessInterceptor
from workers.workflows.runs import RunCanvas, RunSlice

FOLDER: Final = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class Recording:
    """A run as it was: `told` are the keys of its events, per history in the order told."""

    name: str
    plans: Mapping[str, Any]
    blobs: Mapping[str, bytes]
    histories: Sequence[Mapping[str, Any]]
    told: Sequence[Sequence[str]]
    keys: Mapping[str, bytes] = field(default_factory=dict)
    """What the payloads are encrypted with, if they are."""

    def write(self) -> None:
        """Write the file."""
        FOLDER.mkdir(exist_ok=True)
        document = {
            "plans": self.plans,
            "blobs": {key: base64.b64encode(data).decode() for key, data in self.blobs.items()},
            "histories": self.histories,
            "told": self.told,
            **({"keys": {key_id: key.hex() for key_id, key in self.keys.items()}} if self.keys else {}),
        }
        text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        (FOLDER / f"{self.name}.json").write_text(text + "\n", encoding="utf-8")

    async def replay(self) -> list[list[str]]:
        """Replay every history with the present code; gives what was told. Raises what Temporal finds different."""
        told: list[list[str]] = []
        plans: dict[str, Plan] = {}

        def plan(plan_hash: str) -> Plan:
            if plan_hash not in plans:
                plans[plan_hash] = read_plan(json.dumps(self.plans[plan_hash]).encode())
            return plans[plan_hash]

        def tell(run_id: str, event: RunEvent) -> None:
            told[-1].append(event.key)

        blobs = MemoryBlobs()
        blobs.kept.update(self.blobs)
        keys = MemoryKeys()
        keys.known.update({key_id: DataKey(key_id, key) for key_id, key in self.keys.items()})
        options = TemporalOptions(largest_payload=2_000_000, cache_bytes=0)
        converter = data_converter(payload_codec(options, blobs, keys), encrypted=True)
        for history in self.histories:
            told.append([])
            replayer = Replayer(
                workflows=[RunCanvas, RunSlice],
                interceptors=[ProcessInterceptor(plan, tell)],
                workflow_runner=UnsandboxedWorkflowRunner(),
                workflow_failure_exception_types=[EngineError],
                data_converter=converter,
            )
            await replayer.replay_workflow(WorkflowHistory.from_json(history["id"], dict(history["events"])))
        return told


def recorded() -> list[str]:
    """The names of all recordings."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> Recording:
    """A recording by its name."""
    document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    blobs = {key: base64.b64decode(data) for key, data in document["blobs"].items()}
    keys = {key_id: bytes.fromhex(key) for key_id, key in document.get("keys", {}).items()}
    return Recording(name, document["plans"], blobs, document["histories"], document["told"], keys)
