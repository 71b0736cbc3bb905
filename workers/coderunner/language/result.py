"""What `main` returned, as JSON, or a sentence that says where it is none."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from math import isfinite
from typing import Any, Final

from workers.coderunner.engine import TaskFailed
from workers.coderunner.exact import DEPTH
from workers.coderunner.language.classes import name_of

_OBJECTS: Final = (dict, OrderedDict, defaultdict, Counter)
_PATH_CHARS: Final = 200
_INSTEAD: Final = {
    "set": "a list (`sorted(x)` or `list(x)`)",
    "frozenset": "a list (`sorted(x)` or `list(x)`)",
    "bytes": "text (`x.decode()`, or base64)",
    "bytearray": "text (`x.decode()`, or base64)",
    "datetime": "text (`x.isoformat()`)",
    "date": "text (`x.isoformat()`)",
    "time": "text (`x.isoformat()`)",
    "timedelta": "a number (`x.total_seconds()`)",
    "Decimal": "text or a number (`str(x)`, `float(x)`)",
    "Fraction": "text or a number (`str(x)`, `float(x)`)",
    "UUID": "text (`str(x)`)",
    "complex": "two numbers",
    "generator": "a list (`list(x)`)",
    "map": "a list (`list(x)`)",
    "filter": "a list (`list(x)`)",
    "zip": "a list (`list(x)`)",
    "range": "a list (`list(x)`)",
    "dict_keys": "a list (`list(x)`)",
    "dict_values": "a list (`list(x)`)",
    "dict_items": "a list (`list(x)`)",
    "deque": "a list (`list(x)`)",
    "ndarray": "a list (`x.tolist()`)",
    "coroutine": "what it gives (`await x`)",
}


def as_json(value: Any) -> dict[str, Any]:
    """The result, of exact built-in types. Raises `TaskFailed`."""
    if type(value) not in _OBJECTS:
        what = "nothing" if value is None else f"a value of type {name_of(value)}"
        raise TaskFailed("output", f"`main` returned {what}; it must return a dict, which becomes a JSON object.")
    found: dict[str, Any] = _converted(value, "result", 0, [])
    return found


def _converted(value: Any, path: str, depth: int, around: list[Any]) -> Any:
    kind = type(value)
    if kind is str or kind is bool or value is None or kind is int:
        return value
    if kind is float:
        if not isfinite(value):
            raise _failure(path, f"is {value}, which JSON has no number for")
        return value
    if kind not in _OBJECTS and kind is not list and kind is not tuple:
        raise _failure(path, _no_json(value))
    if any(value is outer for outer in around):
        raise _failure(path, "holds itself")
    if depth >= DEPTH:
        raise _failure(path, f"is nested deeper than {DEPTH} levels")
    around.append(value)
    if kind is list or kind is tuple:
        made: Any = [_converted(item, f"{path}[{index}]", depth + 1, around) for index, item in enumerate(value)]
    else:
        made = {}
        for key, item in dict.items(value):
            if type(key) is not str:
                raise _failure(path, f"has a key of type {name_of(key)}; keys must be text (`str(key)`)")
            made[key] = _converted(
                item, f"{path}.{key}" if key.isidentifier() else f"{path}[{key!r}]", depth + 1, around
            )
    around.pop()
    return made


def _no_json(value: Any) -> str:
    name = name_of(value)
    says = f"is of type {name}, which JSON does not have"
    if name in _INSTEAD:
        return f"{says}: return {_INSTEAD[name]}"
    if str(type(value).__module__).partition(".")[0] == "numpy":
        return f"{says}: return a plain value (`x.item()`)"
    for plain in (bool, int, float, str, list, dict):
        if isinstance(value, plain):
            return f"{says}: return a plain one (`{plain.__name__}(x)`)"
    if isinstance(value, tuple):
        return f"{says}: return a list or a dict (`list(x)`, `x._asdict()`)"
    return f"{says}: return a dict, a list, text, a number, true, false or null"


def _failure(path: str, says: str) -> TaskFailed:
    shown = path if len(path) <= _PATH_CHARS else f"{path[: _PATH_CHARS // 2]}…{path[-_PATH_CHARS // 2 :]}"
    return TaskFailed("output", f"`{shown}` {says}.")
