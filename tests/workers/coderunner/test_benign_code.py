"""Code that people write in code nodes, in the real jail: it works, and exactly as Python and JavaScript have it."""

from __future__ import annotations

import asyncio

import pytest

from tests.workers.coderunner.running import Running
from tests.workers.coderunner.snippets import Snippet, outcome, snippets, told
from workers.coderunner.client import Answer

PYTHON = ("benign_language", "benign_library", "benign_awaiting", "benign_everyday")
JAVASCRIPT = "benign_javascript"


async def failures(running: Running, language: str, cases: list[Snippet]) -> list[str]:
    turns = asyncio.Semaphore(4)

    async def one(case: Snippet) -> str | None:
        async with turns:
            came = await outcome(running.client, language, case.source, case.params, org=case.name[:1], seconds=30)
        fits = isinstance(came, Answer) and came.value == case.value and came.logs == case.logs
        return None if fits else told(case.name, came)

    return [found for found in await asyncio.gather(*map(one, cases)) if found is not None]


@pytest.mark.parametrize("name", PYTHON)
async def test_honest_python_gives_what_python_gives(runner: Running, name: str) -> None:
    assert await failures(runner, "python", snippets(name)) == []


@pytest.mark.parametrize("name", PYTHON)
async def test_the_same_without_the_language_layer(unguarded: Running, name: str) -> None:
    assert await failures(unguarded, "python", snippets(name)) == []


async def test_honest_javascript_gives_what_javascript_gives(runner: Running) -> None:
    assert await failures(runner, "javascript", snippets(JAVASCRIPT)) == []


def test_there_are_enough_of_both() -> None:
    python, javascript = sum(len(snippets(name)) for name in PYTHON), len(snippets(JAVASCRIPT))
    assert (python + javascript >= 120, javascript >= 20) == (True, True), (python, javascript)


NUMPY = """
import numpy as np
from numpy import linalg

async def main(args: Args) -> Output:
    a = np.array(args.params["rows"], dtype=float)
    a[0, 0] += 5
    a *= 2
    mask = a[a > 4]
    return {
        "sum": float(a.sum()), "mean": a.mean(axis=0).tolist(), "dot": (a @ a.T).tolist(), "mask": mask.tolist(),
        "det": round(float(linalg.det(a)), 3), "shape": list(a.shape), "pi": round(np.pi, 3),
        "sorted": np.sort(a, axis=None)[::-1].tolist(),
        "std": round(float(np.std([1, 2, 3, 4])), 3), "different": float(np.random.rand()) != float(np.random.rand()),
        "rng": np.random.default_rng(7).integers(0, 10, 3).tolist(), "percentile": float(np.percentile([1, 2, 3], 50)),
    }
"""  # fmt: skip


async def test_numpy_works_where_the_operator_offers_it(guarded: Running) -> None:
    came = await outcome(guarded.client, "python", NUMPY, {"rows": [[1, 2], [3, 4]]})
    assert isinstance(came, Answer), came
    assert came.value == {
        "sum": 30.0, "mean": [9.0, 6.0], "dot": [[160.0, 104.0], [104.0, 100.0]], "det": 72.0, "mask": [12.0, 6.0, 8.0],
        "shape": [2, 2], "pi": 3.142, "sorted": [12.0, 8.0, 6.0, 4.0], "std": 1.118, "different": True,
        "rng": [9, 6, 6], "percentile": 2.0,
    }  # fmt: skip


async def test_every_zone_is_known_by_its_name(runner: Running) -> None:
    source = """
import zoneinfo
def main(args):
    names = zoneinfo.available_timezones()
    zones = [zoneinfo.ZoneInfo(name) for name in names]
    return {"n": len(names) > 400, "here": {"Asia/Shanghai", "UTC"} <= names, "all": len(zones) == len(names)}
"""
    assert (await outcome(runner.client, "python", source)).value == {"n": True, "here": True, "all": True}


async def test_chance_is_another_in_each_call(runner: Running, guarded: Running) -> None:
    source = "import random, uuid\ndef main(args): return {'v': [random.random(), str(uuid.uuid4())]}"
    drawn = [(await outcome(runner.client, "python", source)).value["v"] for _ in range(8)]
    assert all(len({one[which] for one in drawn}) == 8 for which in (0, 1))
    source = "import numpy\ndef main(args): return {'v': float(numpy.random.rand())}"
    assert len({(await outcome(guarded.client, "python", source)).value["v"] for _ in range(8)}) == 8
    source = "function main() { return { v: Math.random() }; }"
    assert len({(await outcome(runner.client, "javascript", source)).value["v"] for _ in range(8)}) == 8
