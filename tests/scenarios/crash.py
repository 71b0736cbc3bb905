"""`python -m tests.scenarios.crash`: kills every part at every boundary and at random, and counts what came of it."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.scenarios.kills import (
    BOUNDARIES,
    IMPORTED,
    VICTIMS,
    Matrix,
    Moment,
    Outcome,
    Victim,
    at_random,
    dealt,
    imported_matrix,
    matrix,
)

CANVASES: Final = {"drawn": (matrix, BOUNDARIES), "imported": (imported_matrix, IMPORTED)}
Figures = dict[Victim, list[Outcome]]


def main() -> int:
    """Run the whole matrix, or a part of it."""
    parser = argparse.ArgumentParser(prog="tests.scenarios.crash", description=__doc__)
    parser.add_argument("--victim", choices=VICTIMS, action="append", help="only this one; may be given again")
    parser.add_argument("--seed", type=int, default=7, help="of the random moments")
    parser.add_argument("--random", type=int, default=9, help="random kills for each victim, three in a run")
    parser.add_argument("--per-run", type=int, default=5, help="kills at boundaries in one run")
    parser.add_argument("--share", type=int, default=1, help="take only every so manieth run")
    parser.add_argument("--canvas", choices=CANVASES, action="append", help="only this one; may be given again")
    options = parser.parse_args()
    victims: Sequence[Victim] = options.victim or VICTIMS
    given = (victims, options.seed, options.random, options.per_run, options.share)
    return max(asyncio.run(_crash(name, *given)) for name in options.canvas or CANVASES)


async def _crash(canvas: str, victims: Sequence[Victim], seed: int, chances: int, per_run: int, share: int) -> int:
    figures: Figures = {}
    stage, boundaries = CANVASES[canvas]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mainspring-crash-") as folder:
        async with stage(Path(folder)) as there:
            seconds, steps = there.model.seconds, len(there.model.records)
            print(f"Undisturbed, the {canvas} canvas takes {seconds:.1f} s and {steps} steps. The seed is {seed}.")
            for number, victim in enumerate(victims):
                plans = [*dealt(boundaries, per_run)]
                plans += [at_random(seed + 100 * number + turn, 3, seconds) for turn in range(chances // 3)]
                figures[victim] = [await _one(there, victim, plan) for plan in plans[number % share :: share]]
    print("\n".join(["", *_table(figures)]))
    outcomes = [one for several in figures.values() for one in several]
    kills = sum(len(one.kills) for one in outcomes)
    faults = sum(len(one.faults) for one in outcomes)
    print(f"\n{kills} kills in {len(outcomes)} runs and {time.monotonic() - began:.0f} seconds: {faults} faults.")
    print(
        "again: calls that were in flight when a process died and came once more. anew: answers begun anew by a model."
    )
    return 1 if faults else 0


async def _one(there: Matrix, victim: Victim, plan: Sequence[Moment]) -> Outcome:
    outcome = await there.disturb(victim, plan)
    for kill in outcome.kills:
        took = "the run had ended" if kill.recovery is None else f"{kill.recovery:5.2f} s"
        print(f"  kill -9 {victim:8} {kill.moment!s:34} {took}")
    again = ", ".join(f"{path} +{times}" for path, times in outcome.repeats.items())
    print(f"run {outcome.run_id}: {'FAULTY' if outcome.faults else 'well'}{f'; again: {again}' if again else ''}")
    for fault in outcome.faults:
        print(f"  ! {fault}")
    sys.stdout.flush()
    return outcome


def _table(figures: Figures) -> Iterator[str]:
    yield "victim      runs kills   p50 s   p95 s   max s  again  anew  faults"
    together = [one for several in figures.values() for one in several]
    for name, outcomes in [*figures.items(), ("together", together)]:
        kills = [kill for one in outcomes for kill in one.kills]
        took = sorted(kill.recovery for kill in kills if kill.recovery is not None) or [0.0]
        again = sum(one.repeats.total() for one in outcomes)
        yield (
            f"{name:10} {len(outcomes):5} {len(kills):5} {statistics.median(took):7.2f} "
            f"{took[int(0.95 * (len(took) - 1))]:7.2f} {took[-1]:7.2f} {again:6} "
            f"{sum(one.rewritten for one in outcomes):5} {sum(len(one.faults) for one in outcomes):7}"
        )


if __name__ == "__main__":
    sys.exit(main())
