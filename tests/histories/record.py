"""Records scenes: `python -m tests.histories.record [name …]`, all that have no file without names.

A recording is kept for ever: it stands for the runs of users that began under the code of its day.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.histories.recordings import Recording, recorded
from tests.histories.scenes import SCENES, Scene
from tests.workers.harness import Bench, World, bench, closed_histories
from tests.workers.memory_stores import MemoryKeys
from workers.embedded import EmbeddedOptions, EmbeddedTemporal


async def record(server: EmbeddedTemporal, name: str, scene: Scene) -> None:
    """Play a scene on a real server, and keep what it left behind."""
    world = World(handlers=dict(scene.handlers))
    keys = MemoryKeys() if scene.encrypted else None
    how: dict[str, Any] = {"limits": scene.limits, "hand_over_events": scene.hand_over_events}
    async with bench(server, world=world, keys=keys, **how) as here:
        run = await here.start(scene.drawn, scene.inputs, *scene.callees)
        if scene.drive is not None:
            await scene.drive(here, run)
        await here.ended(run)
        taken = Recording(
            name,
            plans={digest: json.loads(data) for digest, data in here.plans.kept.items()},
            blobs={key: data for key, data in here.blobs.kept.items() if key.startswith("payloads/")},
            histories=await histories(here, run.executor),
            told=[],
            keys={} if keys is None else {key_id: known.key for key_id, known in keys.known.items()},
        )
        dataclasses.replace(taken, told=await taken.replay()).write()
        print(f"{name}: {len(taken.histories)} histories")


async def histories(here: Bench, executor: str) -> list[dict[str, Any]]:
    """Every history of a run and of its children, the first first."""
    client = here.connection.client
    found = await closed_histories(here.connection, f'WorkflowId STARTS_WITH "{executor}"')
    found.sort(key=lambda one: one.start_time)
    made = []
    for one in found:
        history = await client.get_workflow_handle(one.id, run_id=one.run_id).fetch_history()
        made.append({"id": one.id, "events": anonymous(history.to_json_dict())})
    return made


def anonymous(value: Any) -> Any:
    """Without the machine it was recorded on: replay asks neither who worked nor where the code lay."""
    match value:
        case dict():
            kept = {key: anonymous(member) for key, member in value.items() if key != "stackTrace"}
            return kept | {key: "recorder" for key in kept if key == "identity"}
        case list():
            return [anonymous(item) for item in value]
        case str():
            return value.replace(f"{socket.gethostname()}:", "recorder:")
        case _:
            return value


async def main(names: list[str]) -> None:
    """Record the scenes of these names."""
    with tempfile.TemporaryDirectory() as folder:
        options = EmbeddedOptions(
            Path(folder), grpc_port=0, ui_port=None, dynamic_config={"history.workflowIdReuseMinimalInterval": "1ms"}
        )
        async with EmbeddedTemporal(options) as server:
            for name in names:
                await record(server, name, SCENES[name])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or [name for name in SCENES if name not in recorded()]))
