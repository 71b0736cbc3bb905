"""Functions of the standard library that would go around the guards, done again with them.

Each of these reads or writes attributes by names that the author chooses, or evaluates text, in code that is not the
author's: `operator.attrgetter` is `getattr`, `functools.wraps` copies what it is told to, `singledispatch` evaluates
annotations, `dataclass` makes source text of them.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import functools
import keyword
import types
import typing
from collections import UserString
from collections.abc import Callable
from typing import Any, Final, NoReturn

from workers.coderunner.language.classes import RefusedUse, Type, is_own, name_of
from workers.coderunner.language.guards import get, write_attribute


def attrgetter(*names: str) -> Callable[[Any], Any]:
    """Stands for `operator.attrgetter`."""
    if not names or any(type(name) is not str for name in names):
        raise TypeError("attribute names must be strings")
    paths = [name.split(".") for name in names]

    def one(thing: Any, path: list[str]) -> Any:
        for name in path:
            thing = get(thing, name)
        return thing

    if len(paths) == 1:
        return lambda thing: one(thing, paths[0])
    return lambda thing: tuple(one(thing, path) for path in paths)


def methodcaller(name: str, /, *arguments: Any, **named: Any) -> Callable[[Any], Any]:
    """Stands for `operator.methodcaller`."""
    return lambda thing: get(thing, name)(*arguments, **named)


_COPIED: Final = ("__module__", "__name__", "__qualname__", "__doc__")


def update_wrapper(wrapper: Any, wrapped: Any) -> Any:
    """Stands for `functools.update_wrapper`: the names that are copied cannot be chosen."""
    if isinstance(wrapper, types.FunctionType):
        write_attribute(wrapper, "name")
        for name in _COPIED:
            value = getattr(wrapped, name, None)
            if type(value) is str:
                setattr(wrapper, name, value)
    return wrapper


def wraps(wrapped: Any) -> Callable[[Any], Any]:
    """Stands for `functools.wraps`."""
    return lambda wrapper: update_wrapper(wrapper, wrapped)


_READ_RAW: Final = (str, UserString, AttributeError, asyncio.Future)


def dataclass(kind: Any = None, /, **options: Any) -> Any:
    """Stands for `dataclasses.dataclass`, which makes source text of the names of fields."""
    if kind is None:
        return lambda later: dataclass(later, **options)
    # Of a text, a field called `format` could be Python's own; of a task, one called `get_loop`.
    if not isinstance(kind, type) or not is_own(kind) or issubclass(kind, _READ_RAW):
        raise RefusedUse(f"{name_of(kind)} cannot be made a dataclass: only a class that is defined here can.")
    for name in vars(kind).get("__annotations__", {}):
        if type(name) is not str or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
            raise RefusedUse("A field of a dataclass needs a plain name.")
    return dataclasses.dataclass(kind, **options)


class _Dispatch:
    """A function that is chosen by the class of its first argument."""

    def __init__(self, fallback: Callable[..., Any]) -> None:
        self._by_class = functools.singledispatch(fallback)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._by_class(*arguments, **named)

    def dispatch(self, kind: type) -> Any:
        return self._by_class.dispatch(kind)

    def register(self, kind: Any, function: Any = None) -> Any:
        if not isinstance(kind, type):
            raise RefusedUse("Name the class (`@f.register(int)`): annotations are not evaluated.")
        if function is None:
            return lambda later: self.register(kind, later)
        return self._by_class.register(kind, function)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """A copy would lay open what is inside, to who hands `deepcopy` its memory."""
        raise TypeError("A function cannot be copied.")


def singledispatch(function: Callable[..., Any]) -> _Dispatch:
    """Stands for `functools.singledispatch`, which evaluates annotations."""
    return _Dispatch(function)


class _EnumType(enum.EnumType):
    """Makes enumerations of a call too (`Enum("X", "A B")`), where names would go by no rule."""

    def __call__(cls, value: Any, names: Any = None, **options: Any) -> Any:
        if names is None and not options:
            return super().__call__(value)
        if isinstance(names, str):
            names = names.replace(",", " ").split()
        pairs = names.items() if isinstance(names, dict) else names or ()
        given = [(name, None) if isinstance(name, str) else tuple(name) for name in pairs]
        if any(type(name) is not str or name.startswith("_") for name, _ in given):
            raise RefusedUse("The names of an enumeration are plain text without an underscore before it.")
        plain = [name if item is None else (name, item) for name, item in given]
        return super().__call__(value, plain, **options)


class Enum(enum.Enum, metaclass=_EnumType):
    """Stands for `enum.Enum`."""


class IntEnum(enum.IntEnum, metaclass=_EnumType):
    """Stands for `enum.IntEnum`."""


class StrEnum(enum.StrEnum, metaclass=_EnumType):
    """Stands for `enum.StrEnum`."""


class Flag(enum.Flag, metaclass=_EnumType):
    """Stands for `enum.Flag`."""


class IntFlag(enum.IntFlag, metaclass=_EnumType):
    """Stands for `enum.IntFlag`."""


ENUMS: Final = (Enum, Flag, IntEnum, IntFlag, StrEnum)


def get_origin(kind: Any) -> Any:
    """Stands for `typing.get_origin`, which gives `type` away."""
    found = typing.get_origin(kind)
    return Type if isinstance(found, type) and issubclass(found, type) else found
