"""The cases: each measures Mainspring over HTTP and its floor in turns, on one Temporal server."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import canvases
from bench.code import measure_code
from bench.figures import Figure, Report, percentile
from bench.imports import measure_imports
from bench.requests import measure_requests
from bench.whole import Whole

ROUNDS = 5
"""Mainspring and its floor take turns, so that a noisy minute hits both."""


class Floor:
    """The process with the bare workflows."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, address: str) -> Floor:
        """Start it against a Temporal server."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.bare", address, stdin=pipe, stdout=pipe, limit=64 * 1024 * 1024
        )
        floor = cls(process)
        await floor._line()
        return floor

    async def measure(self, workflow: str, argument: int, runs: int, in_flight: int = 1) -> dict[str, Any]:
        """Run a bare workflow so often; `ms` of each, `seconds` for all."""
        assert self._process.stdin is not None
        order = {"workflow": workflow, "argument": argument, "runs": runs, "in_flight": in_flight}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self._line())
        return answer

    async def stop(self) -> None:
        """End it."""
        self._process.kill()
        await self._process.wait()

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        return await self._process.stdout.readline()


@dataclass(frozen=True)
class Compared:
    """A canvas and the bare workflow that does the same; none where one history could not hold it."""

    name: str
    canvas: dict[str, Any]
    workflow: str
    argument: int
    runs: int
    aim: float | None = None
    inputs: dict[str, Any] | None = None


def _items(count: int) -> dict[str, Any]:
    return {"items": list(range(count))}


_loop = canvases.composite("loop", "bench_activity", turns=100)
_by_activity = canvases.composite("batch", "bench_activity")
_by_local = canvases.composite("batch", "bench_local")

COMPARED = (
    Compared("10 inline steps / an empty workflow", canvases.inline(10), "Empty", 0, 200, 1.5),
    Compared("10 sequential activities", canvases.calls(10, "bench_activity"), "Sequential", 10, 60, 1.25),
    Compared("10 local activities", canvases.calls(10, "bench_local"), "Local", 10, 100, 1.3),
    Compared("fan-out of 10 activities", canvases.fan_out(10), "Parallel", 10, 60),
    Compared("loop of 100 turns, an activity each", _loop, "Sequential", 100, 10),
    Compared("20 nodes, 3 activities", canvases.mixed(), "Sequential", 3, 100),
    Compared("batch of 1,000, an activity each", _by_activity, "Parallel", 1_000, 3, inputs=_items(1_000)),
    Compared("batch of 1,000, a local step each", _by_local, "Chunks", 1_000, 10, inputs=_items(1_000)),
    Compared("batch of 10,000, a local step each", _by_local, "Chunks", 10_000, 3, inputs=_items(10_000)),
    Compared("batch of 10,000, an activity each", _by_activity, "", 0, 1, inputs=_items(10_000)),
)


async def run_all(folder: Path, report: Report, *, only: str, share: float) -> None:
    """Run every case whose name holds `only`; `share` of the runs."""
    if only in "import":
        measure_imports(report, share)
    if only == "import":
        return
    if only in "code":
        await measure_code(report, share)
    if only == "code":
        return
    if only in "requests":
        await measure_requests(folder / "requests", report, share)
    if only == "requests":
        return
    if only in "cold start":
        await _cold_start(folder / "cold", report)
    async with _server(folder / "durable", MAINSPRING_RUN_IN_PLACE="false") as whole:
        floor = await Floor.start(whole.temporal)
        try:
            if only in "memory idle":
                _memory(report, whole, "idle")
            for number, case in enumerate(COMPARED):
                if only in case.name:
                    await _compare(report, whole, floor, case, f"c{number}", share)
            if only in "throughput":
                await _throughput(report, whole, floor, share)
            if only in "first streamed piece":
                await _first_piece(report, whole, share)
            if only in "memory loaded":
                _memory(report, whole, "after the load")
        finally:
            await floor.stop()
    if only in "in place":
        async with _server(folder / "in-place") as whole:
            await _in_place(report, whole, share)


def _server(folder: Path, **settings: str) -> Whole:
    folder.mkdir(parents=True)
    return Whole(folder, **settings)


async def _timed(work: Callable[[], Awaitable[Any]], runs: int) -> list[float]:
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


async def _compare(report: Report, whole: Whole, floor: Floor, case: Compared, key: str, share: float) -> None:
    path = await whole.publish(key, case.canvas)
    connection = whole.connect()
    body = {"inputs": case.inputs or {"text": "文"}, "mode": "sync", "wait_seconds": 600}

    async def once() -> None:
        run = await connection.request("POST", path, body)
        if run["state"] != "succeeded":
            raise RuntimeError(f"{case.name}: {run['state']}: {run['error']}")

    if case.runs > 5:
        await _timed(once, 3)
        await floor.measure(case.workflow, case.argument, 3)
    rounds = min(ROUNDS, case.runs)
    each = max(1, int(case.runs * share / rounds))
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(rounds):
        ours += await _timed(once, each)
        if case.workflow:
            bare += (await floor.measure(case.workflow, case.argument, each))["ms"]
    connection.close()
    value, least = percentile(ours, 0.5), percentile(bare, 0.5) if bare else None
    aim = "" if case.aim is None else f"≤ {case.aim}×"
    met = None if case.aim is None or least is None else value <= case.aim * least
    more: dict[str, Any] = {"p95": percentile(ours, 0.95), "runs": len(ours)}
    if bare:
        more["floor_p95"] = percentile(bare, 0.95)
    report.add(Figure(f"{case.name}, p50", value, "ms", least, aim, met, more))


async def _load(
    whole: Whole, path: str, inputs: dict[str, Any], runs: int, in_flight: int
) -> tuple[float, list[float]]:
    """Runs a second with so many in flight, and the milliseconds of each."""
    left = iter(range(runs))
    taken: list[float] = []

    async def client() -> None:
        connection = whole.connect()
        for _ in left:
            began = time.perf_counter()
            await connection.request("POST", path, {"inputs": inputs, "mode": "sync"})
            taken.append((time.perf_counter() - began) * 1000)
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(in_flight)))
    return runs / (time.perf_counter() - began), taken


async def _throughput(report: Report, whole: Whole, floor: Floor, share: float) -> None:
    cases = (
        ("10 inline steps / an empty workflow", canvases.inline(10), "Empty", 0, 600),
        ("10 sequential activities", canvases.calls(10, "bench_activity"), "Sequential", 10, 100),
    )
    for number, (name, canvas, workflow, argument, runs) in enumerate(cases):
        path = await whole.publish(f"load{number}", canvas)
        rate, taken = await _load(whole, path, {"text": "文"}, int(runs * share), 32)
        bare = await floor.measure(workflow, argument, int(runs * share), 32)
        least = int(runs * share) / bare["seconds"]
        more = {"p50": percentile(taken, 0.5), "p95": percentile(taken, 0.95)}
        report.add(Figure(f"throughput, 32 in flight: {name}", rate, "/s", least, more=more))


async def _first_piece(report: Report, whole: Whole, share: float) -> None:
    path = await whole.publish("talking", canvases.talking())
    body = {"inputs": {"text": ""}, "mode": "stream"}
    taken = []
    for _ in range(max(5, int(30 * share))):
        taken.append(await whole.connect().first_event(path, body, "step.delta") * 1000)
    more = {"p95": percentile(taken, 0.95)}
    report.add(Figure("first streamed piece after the start, p50", percentile(taken, 0.5), "ms", more=more))


async def _in_place(report: Report, whole: Whole, share: float) -> None:
    path = await whole.publish("inline", canvases.inline(10))
    connection = whole.connect()
    body = {"inputs": {"text": "文"}, "mode": "sync"}
    await _timed(lambda: connection.request("POST", path, body), 50)
    taken = await _timed(lambda: connection.request("POST", path, body), int(500 * share))
    connection.close()
    p50 = percentile(taken, 0.5)
    report.add(
        Figure("10 inline steps in place, p50", p50, "ms", None, "≤ 8 ms", p50 <= 8, {"p95": percentile(taken, 0.95)})
    )
    await _load(whole, path, {"text": "文"}, 200, 32)
    rate, taken = await _load(whole, path, {"text": "文"}, int(4_000 * share), 32)
    more = {"p50": percentile(taken, 0.5), "p95": percentile(taken, 0.95)}
    report.add(Figure("10 inline steps in place, 32 in flight", rate, "/s", None, "≥ 400/s", rate >= 400, more))


async def _cold_start(folder: Path, report: Report) -> None:
    await asyncio.to_thread(folder.mkdir)
    for name, runs in (("fresh folder", 1), ("known folder", 3)):
        taken = []
        for _ in range(runs):
            began = time.perf_counter()
            async with Whole(folder) as whole:
                connection = whole.connect()
                if name == "fresh folder":
                    await whole.publish("inline", canvases.calls(1, "bench_activity"))
                run = await connection.request("POST", "/api/v1/workflows/inline/runs", {"inputs": {"text": "文"}})
                taken.append(time.perf_counter() - began)
                connection.close()
                if run["state"] != "succeeded":
                    raise RuntimeError(f"The first run {run['state']}: {run['error']}")
        seconds = percentile(taken, 0.5)
        report.add(Figure(f"cold start to first finished run, {name}", seconds, "s", None, "≤ 3 s", seconds <= 3))


def _memory(report: Report, whole: Whole, when: str) -> None:
    for name, megabytes in whole.memory().items():
        report.add(Figure(f"memory {when}: {name}", megabytes, "MB"))
