"""The case files are what they should be: whole, distinct, and documents as an editor saves them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.interchange.cases import case_names, load_case, read_case

NAMES = case_names()
TYPES = {
    str(number)
    for number in (*range(1, 7), 8, 9, 12, 13, 15, *range(18, 23), *range(27, 33), *range(37, 41), *range(42, 47))
} | {str(number) for number in range(51, 61)}


def nodes_of(canvas: Any) -> list[Any]:
    found = list(canvas["nodes"])
    return [*found, *(child for node in found for child in node.get("blocks", []))]


def documents(name: str) -> list[Any]:
    """Every canvas of a case."""
    raw = read_case(name)
    called = raw.get("documents", {}).values()
    return [
        raw["canvas"],
        *(one["canvas"] for one in called),
        *(v for one in called for v in one.get("versions", {}).values()),
    ]


def test_there_are_enough_documents() -> None:
    assert sum(len(documents(name)) for name in NAMES) >= 120


@pytest.mark.parametrize("name", NAMES)
def test_a_case_file_is_one(name: str) -> None:
    case = load_case(name)
    assert re.fullmatch(r"[a-z0-9_]+/[a-z0-9_]+", name)
    assert case.says.endswith(".")
    assert all(1 <= quirk <= 22 for quirk in case.quirks)
    assert all(re.fullmatch(r"[1-6]\.\d+", section) for section in case.proves)


@pytest.mark.parametrize("name", NAMES)
def test_the_documents_are_as_an_editor_saves_them(name: str) -> None:
    for canvas in documents(name):
        for node in nodes_of(canvas):
            assert isinstance(node["id"], str)
            assert isinstance(node["type"], str)
            assert "position" in node["meta"]
            assert node["data"]["nodeMeta"]["title"]


def test_every_node_type_is_in_the_corpus() -> None:
    seen = {node["type"] for name in NAMES for canvas in documents(name) for node in nodes_of(canvas)}
    assert TYPES - seen == set()


def test_every_decision_on_a_quirk_is_proved_by_a_case() -> None:
    # The 22nd is about an id that no run has, which is for the API to answer.
    assert set(range(1, 22)) - {quirk for name in NAMES for quirk in load_case(name).quirks} == set()
