"""Small questions to a syntax tree, asked by the search for sentences."""

from __future__ import annotations

import ast
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef


def assigned_by(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names that a statement sets, with what it sets them to."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                match target, value:
                    case ast.Name(id=name), _:
                        yield name, value
                    case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
                        for one, other in zip(names, values, strict=True):
                            if isinstance(one, ast.Name):
                                yield one.id, other
                    case _:
                        pass
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            yield name, value
        case _:
            pass


def assignments(name: str, function: Function) -> Iterator[ast.expr]:
    """Everything that a name is set to within a function."""
    for node in ast.walk(function):
        yield from (value for one, value in assigned_by(node) if one == name)


def returned(function: Function) -> Iterator[ast.expr]:
    """Everything that a function returns."""
    for node in ast.walk(function):
        match node:
            case ast.Return(value=ast.expr() as value):
                yield value
            case _:
                pass


def parameters(function: Function) -> list[str]:
    """The names of what a function takes."""
    given = function.args
    return [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def default_of(function: Function, name: str) -> ast.expr | None:
    """What a parameter is when nobody gives it."""
    placed = [*function.args.posonlyargs, *function.args.args]
    by_name = dict(zip([one.arg for one in placed][::-1], function.args.defaults[::-1], strict=False))
    by_name |= {
        one.arg: value
        for one, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        if value is not None
    }
    return by_name.get(name)


def argument(call: ast.Call, position: int | None, name: str) -> ast.expr | None:
    """What a call gives for a parameter."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if position is None or len(call.args) <= position:
        return None
    return call.args[position]


def annotated(node: ast.stmt) -> str | None:
    """The name that a line of a class declares."""
    match node:
        case ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            return None


def last_name(called: ast.expr) -> str | None:
    """The last part of a dotted name."""
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return None
