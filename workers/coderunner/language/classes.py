"""The classes that the author makes, told from those that are Python's, and `type` without its powers."""

from __future__ import annotations

import builtins
import enum
import types
import typing
from abc import ABCMeta
from collections import UserString
from typing import Any, Final

from workers.coderunner.language.names import MODULE


class RefusedAttribute(AttributeError):
    """An attribute that is not offered."""


class RefusedImport(ImportError):
    """A module, or a name of one, that is not offered."""


class RefusedUse(TypeError):
    """Something that is not offered, or not in this way."""


REFUSALS: Final = (RefusedAttribute, RefusedImport, RefusedUse)
# For authors they are what they are derived from.
RefusedAttribute.__name__, RefusedImport.__name__, RefusedUse.__name__ = "AttributeError", "ImportError", "TypeError"

_OWN: set[type] = set()
"""Classes known to be the author's. A process runs one text, so that nobody else's are among them."""

_PLAIN_MODULES: Final = frozenset(
    {"_markupbase", "_random", "abc", "builtins", "calendar", "collections", "collections.abc", "csv", "datetime",
     "decimal", "enum", "fractions", "html.parser", "json.decoder", "json.encoder", "numbers", "random", "string",
     "textwrap", "types", "typing"}
)  # fmt: skip
"""Whose classes keep nothing in their instances that leads anywhere."""
_LEAKY: Final = (AttributeError, NameError, property, super, type)
"""Built-in classes whose instances hold something that the author has not put there."""


def is_own(kind: type) -> bool:
    """Whether the author's text defined the class. Nobody can write `__module__`."""
    if kind in _OWN:
        return True
    if type.__getattribute__(kind, "__dict__").get("__module__") != MODULE:
        return False
    _OWN.add(kind)
    return True


def is_plain(kind: type) -> bool:
    """Whether an instance holds nothing but what the author has put there."""
    if kind not in _PLAIN and is_own(kind) and all(is_own(base) or _is_plain_base(base) for base in kind.__mro__):
        _PLAIN.add(kind)
    return kind in _PLAIN


_PLAIN: set[type] = set()
"""Classes of the author's that are known to be plain."""


def _is_plain_base(base: type) -> bool:
    return base.__module__ in _PLAIN_MODULES and not issubclass(base, _LEAKY)


class _AnyClass(type):
    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        if len(arguments) != 1 or named:
            raise RefusedUse("`type(x)` is offered; making a class by `type(name, bases, body)` is not.")
        return type_of(arguments[0])

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, type)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, type) or kind is Type

    def __repr__(cls) -> str:
        return "<class 'type'>"


class Type(metaclass=_AnyClass):
    """Stands for `type`: says of what class a value is."""

    def __class_getitem__(cls, kind: Any) -> Any:
        return cls


Type.__name__ = Type.__qualname__ = "type"


def type_of(value: object) -> type:
    """The class of a value; of a class, what stands for `type`."""
    found = type(value)
    return Type if issubclass(found, type) else found


ALIASES: Final = (types.GenericAlias, typing._BaseGenericAlias)  # type: ignore[attr-defined]
"""`list[int]` and `typing.List[int]`."""
_MAKERS: Final = (typing.NamedTuple, typing.TypedDict)
_NOT_SUBCLASSED: Final = (type, super, types.ModuleType, types.GenericAlias)


def build_class(body: Any, name: str, *bases: Any, **keywords: Any) -> Any:
    """Stands for what a `class` statement calls: no metaclass, however it would come in."""
    if "metaclass" in keywords:
        raise RefusedUse("`metaclass=` is not offered.")
    for base in bases:
        # Anything else would be asked twice of what to derive, and could answer differently.
        if not (issubclass(type(base), (type, *ALIASES)) or any(base is maker for maker in _MAKERS)) or is_own(
            type(base)
        ):
            raise RefusedUse(f"A class cannot be derived from {name_of(base)}.")
    for base in types.resolve_bases(bases):
        if not isinstance(base, type) or base is Type or issubclass(base, _NOT_SUBCLASSED):
            raise RefusedUse(f"A class cannot be derived from {name_of(base)}.")
    made = builtins.__build_class__(body, name, *bases, **keywords)
    if isinstance(made, type):
        _OWN.add(made)
    return made


def name_of(value: object) -> str:
    """What to call a thing, without asking it."""
    kind = value if isinstance(value, type) else type(value)
    name = str(type.__getattribute__(kind, "__name__"))
    return "type" if issubclass(kind, type) else name


class MatchedValue:
    """A value that a pattern compares with."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


_MATCHED: Final = frozenset(
    {bool, bytes, bytearray, dict, float, frozenset, int, list, set, str, tuple, complex, object, type(None)}
)
BARE, POSITIONAL, NAMED = 0, 1, 2
"""What a class pattern looks at: nothing but the class, or attributes in their order, or by their names."""


def match_class(kind: Any, looks_at: int) -> Any:
    """The class of a pattern, if Python may read attributes of its instances without asking us."""
    if not isinstance(kind, type):
        raise TypeError("called match pattern must be a class")
    if looks_at == BARE or (looks_at == POSITIONAL and kind in _MATCHED):
        return kind
    usual = type(kind) in (type, ABCMeta) or isinstance(kind, enum.EnumType)
    # A text has `format`, which reads attributes too.
    if usual and is_plain(kind) and not issubclass(kind, (str, UserString)):
        return kind
    raise RefusedUse(f"A pattern cannot look into {name_of(kind)}: compare its attributes in an `if`.")
