"""Trees stay trees: what the rules let pass, for any tree and any move."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Conflict, InvalidInput
from storage.people.trees import chain, check_depth, check_move, check_order, checked_title, height

TREE: dict[int, int | None] = {1: None, 2: 1, 3: 2, 4: 2, 5: None}


@st.composite
def trees(draw: st.DrawFn) -> dict[int, int | None]:
    """Each stands below one that was there before, or at the top."""
    found: dict[int, int | None] = {}
    for one in range(1, draw(st.integers(2, 12)) + 1):
        found[one] = draw(st.sampled_from([None, *found]))
    return found


def test_a_chain_goes_up_to_the_top() -> None:
    assert (chain(TREE, 3), chain(TREE, 5), chain(TREE, 0)) == ([3, 2, 1], [5], [])


def test_the_height_counts_what_is_below_and_itself() -> None:
    assert [height(TREE, one) for one in TREE] == [3, 2, 1, 1, 1]


@given(trees(), st.data())
def test_a_move_that_passes_leaves_a_tree_within_its_depth(tree: dict[int, int | None], data: st.DataObject) -> None:
    moved, parent = data.draw(st.sampled_from([*tree])), data.draw(st.sampled_from([None, *tree]))
    try:
        check_move(tree, moved, parent, deepest=6)
    except Conflict:
        below = moved in chain(tree, parent or 0)
        assert below or len(chain(tree, parent or 0)) + height(tree, moved) > 6
        return
    after = {**tree, moved: parent}
    for one in after:
        top = chain(after, one)[-1]
        assert after[top] is None
    if parent is not None:
        assert max(len(chain(after, one)) for one in after if moved in chain(after, one)) <= 6


def test_a_tree_that_is_broken_already_is_walked_to_an_end() -> None:
    assert chain({1: 2, 2: 1}, 1) == [1, 2]


def test_an_order_names_each_child_once() -> None:
    check_order([1, 2], [2, 1], "things")
    for wanted in ([1], [1, 1], [1, 2, 2], [1, 3], []):
        with pytest.raises(InvalidInput, match="2 things"):
            check_order([1, 2], wanted, "things")


def test_depth_and_names_have_their_bounds() -> None:
    check_depth(3, 3)
    with pytest.raises(Conflict, match="4 levels deep"):
        check_depth(4, 3)
    assert checked_title(f"  {'名' * 100} ") == "名" * 100
    for name in ("", " ", "名" * 101):
        with pytest.raises(InvalidInput):
            checked_title(name)
