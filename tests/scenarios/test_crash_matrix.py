"""Every part of a system is killed with -9 in the middle of runs, which end as if nothing had happened.

This is a selection, the same every time. `make crash` kills every part at every step boundary and at random moments,
and prints how long recovery took.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.scenarios.kills import Moment, Victim, imported_matrix, matrix

CHOSEN: Final[dict[Victim, tuple[Moment, ...]]] = {
    "worker": (
        Moment("answered", "fetch"),
        Moment("asked", "many[2]/work"),
        Moment("told", "child/start:succeeded"),
        Moment("told", "write:delta:1.1.9"),
    ),
    "temporal": (
        Moment("asked", "each[0]/turn"),
        Moment("told", "fused[9]/keep:succeeded"),
        Moment("waited", "ask"),
        Moment("answered", "last"),
    ),
    "api": (Moment("told", "run:started"), Moment("waited", "ask"), Moment("told", "write:delta:1.1.9")),
    "all": (Moment("asked", "child/inside"), Moment("waited", "form")),
}

OF_THE_IMPORTED: Final[dict[Victim, tuple[Moment, ...]]] = {
    "worker": (
        Moment("asked", "talk/tools[1.0]"),
        Moment("waited", "who.2"),
        Moment("told", "insert:started"),
        Moment("told", "tell/write:started"),
    ),
    "all": (Moment("waited", "talk/tools[1.1]/colour"), Moment("told", "hear:started"), Moment("asked", "post")),
}


async def test_runs_survive_the_death_of_every_part(tmp_path: Path) -> None:
    async with matrix(tmp_path) as there:
        outcomes = [await there.disturb(victim, moments) for victim, moments in CHOSEN.items()]
    assert [outcome.faults for outcome in outcomes] == [[], [], [], []]
    assert sum(len(outcome.kills) for outcome in outcomes) >= 12
    # A held answer dies with the worker that waits for it, so these steps must have run again.
    assert outcomes[0].repeats["many[2]/work"] == outcomes[3].repeats["child/inside"] == 1
    assert outcomes[0].rewritten == 1
    assert outcomes[1].repeats.total() == outcomes[2].repeats.total() == 0


async def test_a_canvas_of_another_system_does_everything_once_whatever_dies(tmp_path: Path) -> None:
    async with imported_matrix(tmp_path) as there:
        outcomes = [await there.disturb(victim, moments) for victim, moments in OF_THE_IMPORTED.items()]
    assert [outcome.faults for outcome in outcomes] == [[], []]
    assert [len(outcome.kills) for outcome in outcomes] == [4, 3]
    assert outcomes[0].repeats["talk/tools[1.0]"] == outcomes[1].repeats["post"] == 1
