"""Which names an author may write where: the policy asks of the text, and the guards ask again as it runs."""

from __future__ import annotations

from typing import Final

from RestrictedPython.transformer import INSPECT_ATTRIBUTES

FILENAME: Final = "<code>"
"""What the author's text is called in tracebacks."""
MODULE: Final = "code_node"
"""What the author's code is for Python: the module of the classes and functions that it defines."""

FRAMES: Final = frozenset(INSPECT_ATTRIBUTES) | {"gi_suspended", "cr_suspended", "ag_suspended", "tb_lasti"}
"""Attributes through which one gets from a generator, a coroutine or a traceback to frames and so to everything."""

_WORDS: Final = """
    abs add aenter aexit aiter and anext await bool bytes call ceil class_getitem complex contains copy deepcopy delattr
    delete delitem divmod enter eq exit float floor floordiv format ge get getattr getitem gt hash iadd iand ifloordiv
    ilshift imatmul imod imul index init init_subclass int invert ior ipow irshift isub iter itruediv ixor le len
    length_hint lshift lt matmul missing mod mul ne neg new next or pos post_init pow radd rand rdivmod repr reversed
    rfloordiv rlshift rmatmul rmod rmul ror round rpow rrshift rshift rsub rtruediv rxor set set_name setattr setitem
    str sub truediv trunc xor
"""
METHODS: Final = frozenset(f"__{word}__" for word in _WORDS.split())
"""What a class may define, and what may be called by name. Not among them: what Python calls with the class half made,
when it ends, when it is copied by reduction, and `__getattribute__`, which is `getattr` without a guard."""

SLOTS: Final = "__slots__"
"""May be assigned in the body of a class, where its names can be seen. (`__radd__ = __add__` may too.)"""

ENUM_NAMES: Final = frozenset({"_generate_next_value_", "_ignore_", "_missing_", "_name_", "_order_", "_value_"})
TUPLE_NAMES: Final = frozenset({"_asdict", "_field_defaults", "_fields", "_make", "_replace"})
"""Of named tuples: public, whatever they look like."""

READABLE: Final = frozenset(
    {"__cause__", "__class__", "__context__", "__dict__", "__doc__", "__members__", "__name__", "__qualname__",
     "__version__"}
)  # fmt: skip
"""What may be read of some things; the guards say of which."""


def is_dunder(name: str) -> bool:
    """Whether it is one of Python's own names."""
    return len(name) > 4 and name.startswith("__") and name.endswith("__")


def binding_problem(name: str, *, in_class: bool) -> str | None:
    """Why nothing may be called that, or None. Names of ours begin and end with an underscore."""
    if not name.startswith("_") or name.strip("_") == "":
        return None
    if in_class and (name in METHODS or name in ENUM_NAMES):
        return None
    if is_dunder(name):
        return f"`{name}` may not be defined here"
    if name.endswith("_"):
        return f"`{name}` is a name of the runner's own: names that begin and end with an underscore are"
    return None


def reading_problem(name: str, *, in_class: bool) -> str | None:
    """Why a name may not be read, or None."""
    return None if name == "__name__" else binding_problem(name, in_class=in_class)


def attribute_problem(name: str, *, written: bool) -> str | None:
    """Why no attribute of that name may be read, or written, whatever it is an attribute of; or None."""
    if name in FRAMES:
        return f"the attribute `{name}` is not offered"
    if not name.startswith("_") or name.strip("_") == "":
        return None
    if is_dunder(name):
        allowed = not written and (name in METHODS or name in READABLE)
    else:
        allowed = not name.endswith("_") or (name in ENUM_NAMES and not written)
    return None if allowed else f"the attribute `{name}` is not offered"


def mangled(name: str, inside: str | None) -> str:
    """How Python stores a private name (`__x`) that is used inside a class."""
    stripped = (inside or "").lstrip("_")
    if not stripped or not name.startswith("__") or name.endswith("__"):
        return name
    return f"_{stripped}{name}"
