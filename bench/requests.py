"""What the thin layer costs: requests of the API against a bare FastAPI route with one select on the same database."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import canvases
from bench.connection import Connection
from bench.figures import Figure, Report, percentile

AIM: Final = 3.0
_ROUNDS: Final = 5
_IN_FLIGHT: Final = 16


@dataclass(frozen=True)
class Asked:
    """A request to our API. The aim is for plain reads: validating a canvas is work that no bare route does."""

    name: str
    method: str
    path: str
    read: bool = True
    aim: bool = True


ASKED: Final = (
    Asked("token check and one row", "GET", "/api/v1/workflows/{workflow}"),
    Asked("list of 50 workflows", "GET", "/api/v1/workflows?limit=50"),
    Asked("draft of 12 nodes, read and validated", "GET", "/api/v1/workflows/{workflow}/draft", aim=False),
    Asked("draft of 12 nodes, validated and saved", "PUT", "/api/v1/workflows/{workflow}/draft", read=False, aim=False),
)


async def measure_requests(folder: Path, report: Report, share: float) -> None:
    """Latency one after the other, and requests per second with some in flight; the floor takes turns."""
    async with _serving(folder, "api") as ours, _serving(folder, "bare") as bare:
        floor = Asked("floor", "GET", f"/bare/{ours['workflow']}")
        revision = [1]
        for case in ASKED:
            taken: list[float] = []
            least: list[float] = []
            rates: list[float] = []
            floors: list[float] = []
            runs = max(20, int(200 * share))
            for _ in range(_ROUNDS):
                least += await _one_by_one(bare, floor, runs, revision)
                taken += await _one_by_one(ours, case, runs, revision)
                floors.append(await _rate(bare, floor, runs * 4, revision))
                # Saves of one draft cannot go side by side: each must know the revision of the one before.
                rates.append(
                    await _rate(
                        ours, case, runs * 4 if case.read else runs, revision, 1 if not case.read else _IN_FLIGHT
                    )
                )
            p50, bottom = percentile(taken, 0.5), percentile(least, 0.5)
            met = p50 / bottom <= AIM if case.aim else None
            more = {"p95": percentile(taken, 0.95), "floor_p95": percentile(least, 0.95)}
            report.add(Figure(f"{case.name}, p50", p50, "ms", bottom, f"≤ {AIM:.0f}×" if case.aim else "", met, more))
            rate, best = percentile(rates, 0.5), percentile(floors, 0.5)
            report.add(Figure("… with 16 in flight" if case.read else "… one after the other", rate, "/s", best))


async def _one_by_one(served: dict[str, Any], case: Asked, runs: int, revision: list[int]) -> list[float]:
    connection = Connection(served["url"], served.get("token", ""))
    taken: list[float] = []
    for _ in range(runs):
        began = time.perf_counter()
        await _ask(connection, served, case, revision)
        taken.append((time.perf_counter() - began) * 1000)
    connection.close()
    return taken


async def _rate(
    served: dict[str, Any], case: Asked, runs: int, revision: list[int], in_flight: int = _IN_FLIGHT
) -> float:
    connections = [Connection(served["url"], served.get("token", "")) for _ in range(in_flight)]

    async def some(connection: Connection) -> None:
        for _ in range(runs // in_flight):
            await _ask(connection, served, case, revision)
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*map(some, connections))
    return runs // in_flight * in_flight / (time.perf_counter() - began)


async def _ask(connection: Connection, served: dict[str, Any], case: Asked, revision: list[int]) -> None:
    path = case.path.format(workflow=served.get("workflow"))
    body = None if case.read else {"canvas": canvases.inline(10), "revision": revision[0]}
    answer = await connection.request(case.method, path, body)
    if not case.read:
        revision[0] = answer["revision"]


@asynccontextmanager
async def _serving(folder: Path, kind: str) -> AsyncGenerator[dict[str, Any]]:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "bench.serving", str(folder), kind]
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()
