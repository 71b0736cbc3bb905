"""Every Coze canvas of the corpus means here what it means there, in memory and through Temporal."""

from __future__ import annotations

import pytest

from tests.interchange.cases import case_names, load_case
from tests.interchange.conftest import Travelled
from tests.interchange.verdict import differences, judge, judge_diagnostics

NAMES = case_names()
OPEN = [name for name in NAMES if load_case(name).open]
FIRM = [name for name in NAMES if name not in OPEN]


def test_no_case_is_open() -> None:
    assert {name: load_case(name).open for name in OPEN} == {}


@pytest.mark.parametrize("name", FIRM)
def test_a_case_means_in_memory_what_the_reference_says(name: str, in_memory: Travelled) -> None:
    assert _judged(name, in_memory) == []


@pytest.mark.parametrize("name", FIRM)
def test_a_case_means_on_temporal_what_the_reference_says(name: str, on_temporal: Travelled) -> None:
    assert _judged(name, on_temporal) == []


@pytest.mark.parametrize("name", FIRM)
def test_both_roads_tell_the_same(name: str, in_memory: Travelled, on_temporal: Travelled) -> None:
    (_, here), (_, there) = in_memory.of(name), on_temporal.of(name)
    pairs = zip(here, there, strict=True)
    assert [f"run {number}: {one}" for number, pair in enumerate(pairs) for one in differences(*pair)] == []


def _judged(name: str, travelled: Travelled) -> list[str]:
    case = load_case(name)
    imported, runs = travelled.of(name)
    complaints = judge_diagnostics(case, imported.diagnostics, imported.findings)
    for number, (run, told) in enumerate(zip(case.runs, runs, strict=True)):
        complaints += [f"run {number}: {one}" for one in judge(run.expect, told)]
    return complaints
