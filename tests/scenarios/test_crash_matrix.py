"""Every part of a system is killed with -9 in the middle of runs, which end as if nothing had happened.

This is a selection, the same every time. `make crash` kills every part at every step boundary and at random moments,
and prints how long recovery took.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.scenarios.kills import Moment, Victim, matrix

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


async def test_runs_survive_the_death_of_every_part(tmp_path: Path) -> None:
    async with matrix(tmp_path) as there:
        outcomes = [await there.disturb(victim, moments) for victim, moments in CHOSEN.items()]
    assert [outcome.faults for outcome in outcomes] == [[], [], [], []]
    assert sum(len(outcome.kills) for outcome in outcomes) >= 12
    # A held answer dies with the worker that waits for it, so these steps must have run again.
    assert outcomes[0].repeats["many[2]/work"] == outcomes[3].repeats["child/inside"] == 1
    assert outcomes[0].rewritten == 1
    assert outcomes[1].repeats.total() == outcomes[2].repeats.total() == 0
