"""What Python an author may write: RestrictedPython's transformer, taught what real code nodes are made of.

Attributes go through `_attribute_` or `_getattr_`, what is assigned to through `_write_` and `_write_attribute_`;
everything else is either harmless or refused. Syntax that no method here names is refused, so that a new Python brings
no surprise.
"""

from __future__ import annotations

import ast
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from RestrictedPython.transformer import RestrictingNodeTransformer

from workers.coderunner.language.classes import BARE, NAMED, POSITIONAL
from workers.coderunner.language.guards import LOOKED_AT
from workers.coderunner.language.names import (
    SLOTS,
    attribute_problem,
    binding_problem,
    is_dunder,
    mangled,
    reading_problem,
)

Node = TypeVar("Node", bound=ast.AST)

_NOT_OFFERED: Final[dict[str, str]] = {
    "TryStar": "`except*` is not offered: catch `Exception` and look at its `exceptions`",
    "exec": "`exec` is not offered: code may not make code",
    "eval": "`eval` is not offered: code may not make code (`json.loads` and `ast.literal_eval` read data)",
}
_DICT: Final = "`__dict__` can be read, not written: assign the attributes by their names"
_WRITING: Final = frozenset({"clear", "pop", "popitem", "setdefault", "update"})


@dataclass(frozen=True)
class Finding:
    """Something the author may not write, and where."""

    line: int | None
    message: str


def call(name: str, *arguments: ast.expr, like: ast.AST) -> ast.Call:
    """A call of one of our guards, in the place of what stood there."""
    made = ast.Call(func=located(ast.Name(name, ast.Load()), like), args=list(arguments), keywords=[])
    return located(made, like)


def located(node: Node, like: ast.AST) -> Node:
    """The node, at the place of another."""
    return ast.copy_location(node, like)


class Policy(RestrictingNodeTransformer):
    """Rewrites the author's module in place, and collects what it may not hold in `findings`."""

    def __init__(self) -> None:
        super().__init__()
        self.findings: list[Finding] = []
        self._scopes: list[str | None] = []
        """Names of the classes we are in, None for functions, outermost first."""
        self._before_match: list[list[ast.stmt]] = []

    # What is refused, and how it is said.

    def error(self, node: ast.AST, info: str) -> None:
        """Note it: all that is wrong is collected, in the order of the text."""
        self.errors.append(info)
        self.findings.append(Finding(getattr(node, "lineno", None), info))

    def not_allowed(self, node: ast.AST) -> None:
        """Refuse syntax."""
        kind = type(node).__name__
        self.error(node, _NOT_OFFERED.get(kind, f"this syntax is not offered ({kind})"))

    def check_name(self, node: Any, name: str | None, allow_magic_methods: bool = False) -> None:
        """Refuse to bind a name that is ours or Python's."""
        if name is not None and (problem := binding_problem(name, in_class=self._in_class_body)) is not None:
            self.error(node, problem)

    @property
    def _in_class_body(self) -> bool:
        return bool(self._scopes) and self._scopes[-1] is not None

    @property
    def _innermost_class(self) -> str | None:
        return next((name for name in reversed(self._scopes) if name is not None), None)

    @contextmanager
    def _inside(self, scope: str | None) -> Generator[None]:
        self._scopes.append(scope)
        yield
        self._scopes.pop()

    def _visited(self, nodes: list[Any]) -> list[Any]:
        found: list[Any] = []
        for node in nodes:
            new = self.visit(node)
            if isinstance(new, list):
                found += new
            elif new is not None:
                found.append(new)
        return found

    # Names, attributes, items.

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Any name but ours and Python's. `print` is a function like others."""
        if isinstance(node.ctx, ast.Load):
            problem = reading_problem(node.id, in_class=self._in_class_body)
        else:
            problem = binding_problem(node.id, in_class=self._in_class_body)
        if problem is not None:
            self.error(node, problem)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`a.b` is `_attribute_(a, "b")`, and `a.b = c` is `_write_attribute_(a, "b").b = c`."""
        written = not isinstance(node.ctx, ast.Load)
        name = mangled(node.attr, self._innermost_class)
        if (problem := attribute_problem(name, written=written)) is not None:
            self.error(node, problem)
        if written and _is_own_dict(node.value):
            self.error(node, _DICT)
        held = self.visit(node.value)
        constant = located(ast.Constant(name), node)
        if not written:
            quick = not name.startswith("_") and name not in LOOKED_AT
            return call("_attribute_" if quick else "_getattr_", held, constant, like=node)
        return located(ast.Attribute(call("_write_attribute_", held, constant, like=node), name, node.ctx), node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """`a[b] = c` is `_write_(a)[b] = c`. Reading an item does what the container's own type does: no guard."""
        if not isinstance(node.ctx, ast.Load):
            if _is_own_dict(node.value):
                self.error(node, _DICT)
            node.value = call("_write_", self.visit(node.value), like=node.value)
        else:
            node.value = self.visit(node.value)
        node.slice = self.visit(node.slice)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Any call, but of what makes code."""
        if isinstance(node.func, ast.Name) and node.func.id in ("exec", "eval"):
            self.error(node, _NOT_OFFERED[node.func.id])
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in _WRITING and _is_own_dict(func.value):
            self.error(node, _DICT)
        return self.node_contents_visit(node)

    # Assignments.

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Any: its targets are looked at one by one."""
        match node.targets:
            case [ast.Name(id=name)] if name == SLOTS and self._in_class_body:
                # A slot that is empty lets `__getattr__` answer: for Python's own names that must not be.
                if not _are_plain_slots(node.value):
                    self.error(node, "`__slots__` takes plain names, written out")
                return node
            case _:
                return self.node_contents_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """On names, items and attributes: what is written is guarded, and evaluated once."""
        target = self.visit(node.target)
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Call):
            # Here the attribute is also read, and not through `_getattr_`.
            target.value.args.append(located(ast.Constant(True), node))
        node.target, node.value = target, self.visit(node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Annotations are not evaluated. In the body of a class they stay as text: dataclasses are made of them."""
        target, value = self.visit(node.target), None if node.value is None else self.visit(node.value)
        if self._in_class_body and isinstance(target, ast.Name):
            node.target, node.value = target, value
            node.annotation = located(ast.Constant(_as_text(node.annotation)), node)
            return node
        if value is not None:
            return located(ast.Assign(targets=[target], value=value), node)
        if isinstance(target, ast.Name):  # so that it is a local name, as Python has it
            return located(ast.AnnAssign(target, located(ast.Constant(None), node), None, simple=1), node)
        return located(ast.Pass(), node)

    def visit_Global(self, node: ast.Global) -> ast.AST:
        """Of names that may be bound."""
        for name in node.names:
            self.check_name(node, name)
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        """Of names that may be bound."""
        for name in node.names:
            self.check_name(node, name)
        return node

    # Loops and blocks: iterating needs no guard, and names are looked at where they stand.

    def visit_For(self, node: ast.For) -> ast.AST:
        """Any."""
        return self.node_contents_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        """Any, also an asynchronous one."""
        return self.node_contents_visit(node)

    def visit_With(self, node: ast.With) -> ast.AST:
        """Any."""
        return self.node_contents_visit(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        """Any."""
        return self.node_contents_visit(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        """Any."""
        return self.node_contents_visit(node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        """Any."""
        return self.node_contents_visit(node)

    # Imports.

    def visit_Import(self, node: ast.Import) -> ast.AST:
        """Of modules by name; which there are is known when it runs."""
        for alias in node.names:
            self.check_name(node, alias.asname or alias.name.partition(".")[0])
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        """Of names, one by one."""
        if node.level:
            self.error(node, "there is nothing here that a relative import could bring in")
        for alias in node.names:
            if alias.name == "*":
                self.error(node, f"`from {node.module} import *` is not offered: name what is needed")
            else:
                self.check_name(node, alias.asname or alias.name)
        # Annotations are not evaluated anyway, and the rest of the future is here.
        return located(ast.Pass(), node) if node.module == "__future__" else node

    # Functions and classes.

    def visit_Module(self, node: ast.Module) -> ast.AST:
        """The whole."""
        return self.node_contents_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Any. Its annotations go: nothing may evaluate them later."""
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Any."""
        return self._function(node)

    def _function(self, node: Any) -> ast.AST:
        self.check_name(node, node.name)
        node.decorator_list = self._visited(node.decorator_list)
        node.returns = None
        node.args = self.visit(node.args)
        with self._inside(None):
            self.check_function_argument_names(node)
            node.body = self._visited(node.body)
        return cast(ast.AST, node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        """Any."""
        node.args = self.visit(node.args)
        with self._inside(None):
            self.check_function_argument_names(node)
            node.body = self.visit(node.body)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Without its annotation."""
        node.annotation = None
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Any whose metaclass is not chosen here, nor hidden in `**`."""
        self.check_name(node, node.name)
        for keyword in node.keywords:
            if keyword.arg in (None, "metaclass"):
                self.error(node, "`metaclass=` is not offered (`class X(ABC)` makes an abstract class)")
        node.decorator_list = self._visited(node.decorator_list)
        node.bases, node.keywords = self._visited(node.bases), self._visited(node.keywords)
        with self._inside(node.name):
            node.body = self._visited(node.body) or [located(ast.Pass(), node)]
        return node

    # Matching: Python reads attributes of what is matched without asking us, so each class is asked about beforehand.

    def visit_Match(self, node: ast.Match) -> list[ast.stmt]:
        """With the classes and values of its patterns evaluated, and looked at, before it begins."""
        before: list[ast.stmt] = []
        node.subject = self.visit(node.subject)
        for case in node.cases:
            self._before_match.append(before)
            case.pattern = self.visit(case.pattern)
            self._before_match.pop()
            case.guard = None if case.guard is None else self.visit(case.guard)
            case.body = self._visited(case.body)
        return [*before, node]

    def _evaluated(self, value: ast.expr) -> ast.Name:
        name = f"_matched{self._tmp_idx}_"
        self._tmp_idx += 1
        store = located(ast.Name(name, ast.Store()), value)
        self._before_match[-1].append(located(ast.Assign(targets=[store], value=value), value))
        return located(ast.Name(name, ast.Load()), value)

    def _pattern_value(self, value: ast.expr) -> ast.expr:
        if not isinstance(value, ast.Attribute):
            return self.visit(value)  # type: ignore[no-any-return]
        held = self._evaluated(call("_match_value_", self.visit(value), like=value))
        return located(ast.Attribute(held, "value", ast.Load()), value)

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.AST:
        """Of a class whose attributes may be read like that."""
        for name in node.kwd_attrs:
            if (problem := attribute_problem(name, written=True)) is not None:
                self.error(node, problem)
        looks_at = NAMED if node.kwd_attrs else POSITIONAL if node.patterns else BARE
        constant = located(ast.Constant(looks_at), node)
        node.cls = self._evaluated(call("_match_class_", self.visit(node.cls), constant, like=node))
        node.patterns = self._visited(node.patterns)
        node.kwd_patterns = self._visited(node.kwd_patterns)
        return node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        """A literal, or a dotted name."""
        node.value = self._pattern_value(node.value)
        return node

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        """Keys are literals or dotted names."""
        self.check_name(node, node.rest)
        node.keys = [self._pattern_value(key) for key in node.keys]
        node.patterns = self._visited(node.patterns)
        return node

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.AST:
        """With a name that may be bound."""
        self.check_name(node, node.name)
        return self.node_contents_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.AST:
        """With a name that may be bound."""
        self.check_name(node, node.name)
        return node

    def visit_MatchSequence(self, node: ast.MatchSequence) -> ast.AST:
        """Any."""
        return self.node_contents_visit(node)

    def visit_MatchOr(self, node: ast.MatchOr) -> ast.AST:
        """Any."""
        return self.node_contents_visit(node)

    def visit_MatchSingleton(self, node: ast.MatchSingleton) -> ast.AST:
        """Any."""
        return node


def _is_own_dict(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "__dict__"


def _are_plain_slots(value: ast.expr) -> bool:
    names = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    return all(
        isinstance(name, ast.Constant)
        and isinstance(name.value, str)
        and (not is_dunder(name.value) or name.value in ("__dict__", "__weakref__"))
        for name in names
    )


def _as_text(annotation: ast.expr) -> str:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return ast.unparse(annotation)
