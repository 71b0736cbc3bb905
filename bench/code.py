"""The code runner alone: a Python node that does next to nothing, against a bare fork and a bare interpreter."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import psutil

from bench.figures import Figure, Report, percentile
from workers.code_service import CodeService
from workers.coderunner.client import RunnerClient
from workers.coderunner.options import Options

_TRIVIAL: Final[dict[str, Any]] = {
    "engine": "python",
    "source": "async def main(args: Args) -> Output:\n    ret: Output = {'sum': args.params['a'] + 1}\n    return ret",
    "params": {"a": 1},
}
_SCRIPT: Final[dict[str, Any]] = {
    "engine": "javascript",
    "source": "async function main({ params }) { return { sum: params.a + 1 }; }",
    "params": {"a": 1},
}
_TEMPLATE: Final[dict[str, Any]] = {
    "engine": "template",
    "template": "{% for x in xs %}{{ x }};{% endfor %}",
    "values": {"xs": [1, 2, 3]},
    "escape": False,
}
_ROUNDS: Final = 5


async def measure_code(report: Report, share: float) -> None:
    """Latency, rate and memory with two zygotes; the floors take turns with it."""
    async with _runner() as (client, pid):
        await _latency(report, client, share)
        for name, task in (("JavaScript", _SCRIPT), ("template", _TEMPLATE)):
            taken = await _calls(client, task, max(20, int(100 * share)))
            more = {"p95": percentile(taken, 0.95)}
            report.add(Figure(f"code: trivial {name}, p50", percentile(taken, 0.5), "ms", more=more))
        await _rate(report, client, share)
        # Without anything under way, as it stands around most of the time.
        while len(_family(pid)) > 6:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        memory = sum(process.memory_full_info().pss for process in _family(pid)) / 2**20
        report.add(Figure("code: memory idle, all processes (PSS)", memory, "MB", None, "≤ 80 MB", memory <= 80))


@asynccontextmanager
async def _runner() -> AsyncGenerator[tuple[RunnerClient, int]]:
    service = CodeService(Options.here("", processes=2))
    try:
        await service.ready()
        yield await service.client(), service.pid or 0
    finally:
        await service.stop()


async def _calls(client: RunnerClient, task: dict[str, Any], count: int) -> list[float]:
    taken: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        await client.run(task, org="bench")
        taken.append((time.perf_counter() - began) * 1_000)
    return taken


async def _latency(report: Report, client: RunnerClient, share: float) -> None:
    each = max(10, int(100 * share))
    await _calls(client, _TRIVIAL, 20)
    ours: list[float] = []
    forks: list[float] = []
    interpreters: list[float] = []
    for _ in range(_ROUNDS):
        ours += await _calls(client, _TRIVIAL, each)
        forks += await asyncio.to_thread(_in_a_bare_process, each)
        interpreters += _timed(_cold_interpreter, max(2, each // 10))
    p50, p95 = percentile(ours, 0.5), percentile(ours, 0.95)
    fork, cold = percentile(forks, 0.5), percentile(interpreters, 0.5)
    more = {"runs": len(ours), "bare_fork_p95": percentile(forks, 0.95)}
    report.add(Figure("code: trivial Python node / a bare fork, p50", p50, "ms", fork, "≤ 8 ms", p50 <= 8, more))
    report.add(Figure("code: trivial Python node, p95", p95, "ms", percentile(forks, 0.95), "≤ 25 ms", p95 <= 25))
    report.add(Figure("code: the same by `python -c`, p50", cold, "ms", more={"p95": percentile(interpreters, 0.95)}))


async def _rate(report: Report, client: RunnerClient, share: float) -> None:
    count = max(100, int(1_000 * share))
    left = iter(range(count))
    taken: list[float] = []

    async def caller(org: str) -> None:
        for _ in left:
            began = time.perf_counter()
            await client.run(_TRIVIAL, org=org)
            taken.append((time.perf_counter() - began) * 1_000)

    began = time.perf_counter()
    await asyncio.gather(*(caller(f"bench {number % 4}") for number in range(16)))
    rate = count / (time.perf_counter() - began)
    more = {"p50": percentile(taken, 0.5), "p95": percentile(taken, 0.95)}
    report.add(Figure("code: Python nodes, 16 in flight", rate, "/s", None, "≥ 100/s", rate >= 100, more))


def _family(pid: int) -> list[psutil.Process]:
    service = psutil.Process(pid)
    return [service, *service.children(recursive=True)]


def _timed(work: Callable[[], object], runs: int) -> list[float]:
    taken: list[float] = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1_000)
    return taken


_FORKS: Final = """
import os, sys, time
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    print((time.perf_counter() - began) * 1000)
"""


def _in_a_bare_process(runs: int) -> list[float]:
    """Fork, end and reap so often, in an interpreter that has nothing else."""
    told = subprocess.run([sys.executable, "-I", "-S", "-c", _FORKS, str(runs)], capture_output=True, check=True)
    return [float(line) for line in told.stdout.split()]


def _cold_interpreter() -> None:
    """What others do for each call: an interpreter, the code as an argument, the answer from its output."""
    source = "import asyncio, json\nasync def main(a): return {'sum': a + 1}\nprint(json.dumps(asyncio.run(main(1))))"
    subprocess.run([sys.executable, "-c", source], capture_output=True, check=True)
