"""Conditions: what each operator says of two values, null and unfitting types included."""

from __future__ import annotations

import operator as python
from collections.abc import Callable, Mapping
from typing import Final, NoReturn, TypeGuard, cast

from engine.errors import EngineError, NodeFailed
from engine.plan import Operator
from engine.values import MISSING, BlobRef, Json

_EQUALITY: Final = "compares two numbers, two booleans, or a text with anything"
_LENGTH: Final = "compares the length of a text or a list with a number"
_CONTENT: Final = "looks for a text in a text, a value in a list, or a key in an object"
_ORDER: Final = "compares two numbers"
_TAKES: Final[Mapping[Operator, str]] = {
    "equal": _EQUALITY,
    "not_equal": _EQUALITY,
    "length_greater": _LENGTH,
    "length_greater_equal": _LENGTH,
    "length_less": _LENGTH,
    "length_less_equal": _LENGTH,
    "contains": _CONTENT,
    "not_contains": _CONTENT,
    "empty": "takes no right value",
    "not_empty": "takes no right value",
    "is_true": "takes a boolean and no right value",
    "is_false": "takes a boolean and no right value",
    "greater": _ORDER,
    "greater_equal": _ORDER,
    "less": _ORDER,
    "less_equal": _ORDER,
}


def holds(operator: Operator, left: object, right: object = MISSING) -> bool:
    """Whether `left operator right` is true. Raises `NodeFailed` when the operator cannot take values of these types.

    A missing left value (its source was skipped, or has no such key) is an error, except for `empty` and `not_empty`:
    what is not there is empty. A missing right value counts as null. Null has an answer of its own everywhere, and is
    below every number. A boolean is no number.
    """
    if isinstance(left, BlobRef) or isinstance(right, BlobRef):
        raise EngineError("A value by reference must be loaded before it is compared.", operator=operator)
    if left is MISSING and operator not in ("empty", "not_empty"):
        raise NodeFailed(
            f"The left value of the condition {operator} is missing: its source was skipped or has no such field.",
            operator=operator,
        )
    one = cast("Json", None if left is MISSING else left)
    other = cast("Json", None if right is MISSING else right)
    verdict = _VERDICTS[operator](one, other)
    if verdict is None:
        _refuse(operator, one, other)
    return verdict


def same(left: Json, right: Json) -> bool:
    """Whether two JSON values are equal: numbers by value, and true is not 1. Depth does no harm."""
    pairs = [(left, right)]
    while pairs:
        one, other = pairs.pop()
        if isinstance(one, dict):
            if not isinstance(other, dict) or one.keys() != other.keys():
                return False
            pairs.extend((member, other[key]) for key, member in one.items())
        elif isinstance(one, list):
            if not isinstance(other, list) or len(one) != len(other):
                return False
            pairs.extend(zip(one, other, strict=True))
        elif isinstance(one, bool) is not isinstance(other, bool) or one != other:
            return False
    return True


def type_name(value: object) -> str:
    """The type of a value, as sentences name it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "no JSON value"


def _refuse(operator: Operator, left: Json, right: Json) -> NoReturn:
    raise NodeFailed(
        f"The condition {operator} {_TAKES[operator]}; left is {type_name(left)} and right is {type_name(right)}.",
        operator=operator,
        left=type_name(left),
        right=type_name(right),
    )


# --- verdicts: None where the types do not fit ---

Verdict = Callable[[Json, Json], bool | None]


def _is_number(value: Json) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(left: Json, right: Json) -> bool | None:
    if isinstance(left, list | dict):
        return None
    if left is None or right is None:
        return left is right
    if isinstance(left, str):
        return left == right
    if isinstance(left, bool):
        return left is right if isinstance(right, bool) else None
    return left == right if _is_number(right) else None


def _empty(left: Json, right: Json) -> bool | None:
    return not left if right is None else None


def _true(left: Json, right: Json) -> bool | None:
    if right is not None or not (left is None or isinstance(left, bool)):
        return None
    return left is True


def _contains(left: Json, right: Json) -> bool | None:
    if left is None:
        return False
    if isinstance(right, str):
        return right in left if isinstance(left, str | list | dict) else None
    if isinstance(left, list) and right is not None:
        return any(same(item, right) for item in left)
    return None


def _not(verdict: Verdict) -> Verdict:
    def negated(left: Json, right: Json) -> bool | None:
        found = verdict(left, right)
        return None if found is None else not found

    return negated


def _length(compare: Callable[[float, float], bool], of_null: Callable[[Json], bool]) -> Verdict:
    def verdict(left: Json, right: Json) -> bool | None:
        if left is None:
            return of_null(right) if right is None or _is_number(right) else None
        return compare(len(left), right) if isinstance(left, str | list) and _is_number(right) else None

    return verdict


def _order(compare: Callable[[float, float], bool]) -> Verdict:
    below = float("-inf")

    def verdict(left: Json, right: Json) -> bool | None:
        low = below if left is None else left
        high = below if right is None else right
        return compare(low, high) if _is_number(low) and _is_number(high) else None

    return verdict


_VERDICTS: Final[Mapping[Operator, Verdict]] = {
    "equal": _equal,
    "not_equal": _not(_equal),
    "length_greater": _length(python.gt, lambda right: False),
    "length_greater_equal": _length(python.ge, lambda right: right == 0),
    "length_less": _length(python.lt, lambda right: right != 0),
    "length_less_equal": _length(python.le, lambda right: True),
    "contains": _contains,
    "not_contains": _not(_contains),
    "empty": _empty,
    "not_empty": _not(_empty),
    "is_true": _true,
    "is_false": _not(_true),
    "greater": _order(python.gt),
    "greater_equal": _order(python.ge),
    "less": _order(python.lt),
    "less_equal": _order(python.le),
}
