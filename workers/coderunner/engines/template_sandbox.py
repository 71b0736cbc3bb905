"""Jinja2 without what reaches beyond the values that a template is given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

LONGEST_REPEATED: Final = 10_000
"""Characters of a text, or items of a list, that `*` may make."""
WIDEST: Final = 1_000
"""What the width and the precision of a `%` format may be."""
NAMES_SHOWN: Final = 20

_DROPPED_GLOBALS: Final = ("lipsum", "cycler", "joiner")
_DROPPED_FILTERS: Final = ("attr", "center", "indent", "format", "wordwrap", "pprint", "xmlattr")
_DENIED_ATTRIBUTES: Final = frozenset(
    {
        # They pad to any width, or make much of little.
        "ljust", "rjust", "center", "zfill", "replace", "expandtabs", "translate",
        # They lead from JSON to other types.
        "encode", "maketrans", "to_bytes", "from_bytes", "mro",
    }
)  # fmt: skip
_CONVERSION: Final = re.compile(r"%(?:\([^)]*\))?[-#0 +]*(?P<width>\*|\d*)(?:\.(?P<precision>\*|\d*))?")
_KINDS: Final = {str: "a text", int: "a number", float: "a number", bool: "a boolean", type(None): "null"}


class TemplateSandbox(ImmutableSandboxedEnvironment):
    """Templates that stand alone: no other templates, no extensions, and nothing undefined is passed over."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, *, escape: bool) -> None:
        super().__init__(loader=None, undefined=_Undefined, autoescape=escape, finalize=_shown)
        for name in _DROPPED_GLOBALS:
            del self.globals[name]
        for name in _DROPPED_FILTERS:
            del self.filters[name]
        self.policies["json.dumps_kwargs"] = {"ensure_ascii": False}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Deny what is private, and the methods above."""
        if attr.startswith(("_", "format")) or attr in _DENIED_ATTRIBUTES:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Offer no `format`, not even a guarded one: it is denied like the others."""
        return None

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Bound the operators that make much of little."""
        match operator:
            case "**":
                return _power(left, right)
            case "*":
                return _product(left, right)
            case _:
                if isinstance(left, str):
                    _check_format(left)
                return left % right


class _Undefined(StrictUndefined):
    """What is not there, in words for an author."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        name, found = self._undefined_name, self._undefined_obj
        if found is missing:
            return f"`{name}` is undefined"
        if isinstance(found, list | tuple):
            return f"There is no `{name}` in a list of {len(found)}"
        if isinstance(found, dict):
            return f"There is no `{name}` in an object that has {names_of(found)}"
        return f"There is no `{name}` in {_KINDS.get(type(found), 'this')}"


def names_of(values: Mapping[Any, Any]) -> str:
    """The first names of an object, in a sentence."""
    shown = ", ".join(str(name)[:40] for name in [*values][:NAMES_SHOWN])
    return f"{shown}{', …' if len(values) > NAMES_SHOWN else ''}" if values else "nothing"


def _shown(value: Any) -> Any:
    """A value as a text, as other templates show it: nothing for null, JSON for what is no text or number."""
    if isinstance(value, bool | list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return "" if value is None else value


def _power(left: Any, right: Any) -> Any:
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if numbers and (abs(right) > 100 or abs(left) > 1_000_000):
        raise SecurityError("`**` takes a base of at most 1,000,000 and an exponent of at most 100.")
    return left**right


def _product(left: Any, right: Any) -> Any:
    for many, count in ((left, right), (right, left)):
        sequence = isinstance(many, str | list | tuple) and isinstance(count, int)
        if sequence and len(many) * count > LONGEST_REPEATED:
            raise SecurityError(f"`*` may make a text or a list of at most {LONGEST_REPEATED:,} elements.")
    return left * right


def _check_format(text: str) -> None:
    for found in _CONVERSION.finditer(text):
        for part in (found["width"], found["precision"]):
            if part and (part == "*" or len(part) > 4 or int(part) > WIDEST):
                raise SecurityError(f"A `%` format says how wide it is, and is at most {WIDEST:,} characters wide.")
