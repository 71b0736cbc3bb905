"""Rules about references and placeholders: what they name is there, can be seen, and has the key asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from engine.canvas import SCOPES, Expression, JsonSchema, Literally, ObjectOf, Reference, Template
from engine.errors import LimitExceeded
from engine.findings import listed, short
from engine.limits import Limits
from engine.schema import as_schema
from engine.validation.expressions import parts_of, placeholders
from engine.validation.outline import Level, Outline, Placed
from engine.validation.outputs import ANYTHING, DeadEnd, Known, known_outputs, never_fits, resolve
from engine.validation.report import Report, Severity
from engine.values import Json

_TURN: Final = ("item", "index", "loop")


@dataclass(frozen=True, slots=True)
class Read:
    """A node of a level waits for the output of another one.

    The field is that of the node `at`, which may sit in the reader's body.
    """

    reader: str
    source: str
    at: Placed
    field: str


@dataclass(frozen=True, slots=True)
class References:
    """Checks what expressions read, and notes who waits for whom."""

    outline: Outline
    report: Report
    limits: Limits
    reads: dict[int, list[Read]] = field(default_factory=dict)
    """Per level (its `id()`) what its nodes read of each other."""
    outputs: dict[int, Known] = field(default_factory=dict)
    """Per node (its `id()`) what is known of its output: many may read it."""

    def check(self, expression: Expression, field: str, placed: Placed, level: Level) -> None:
        """Check every reference and every template in an expression of a node."""
        for part, at, wanted in parts_of(expression, field, ANYTHING):
            self.check_part(part, at, placed, level, wanted)

    def check_part(self, part: Expression, field: str, placed: Placed, level: Level, wanted: JsonSchema) -> None:
        """Check an expression, not those within it."""
        if isinstance(part, Reference):
            found = self.follow(part.ref, field, placed, level)
            if found is not None and never_fits(found, wanted):
                message = f"This is of the type {found['type']}, and never becomes the {wanted['type']} wanted here."
                self.report.warning("type_mismatch", message, placed.node, field)
        elif isinstance(part, Template):
            self._check_template(part.template, field, placed, level)

    def follow(
        self, ref: Sequence[str | int], field: str, placed: Placed, level: Level, *, placeholder: bool = False
    ) -> JsonSchema | None:
        """The type of what a reference reads; None when it reads nothing, which is then reported."""
        root = ref[0]
        if not isinstance(root, str):
            message = f"A reference begins with a node's id or one of {', '.join(SCOPES)}, not with a number."
            self.report.error("invalid_reference", message, placed.node, field)
            return None
        if root in SCOPES:
            return self._follow_scope(ref, field, placed, level, "warning" if placeholder else "error")
        source = self._find(root, field, placed, level, placeholder=placeholder)
        if source is None:
            return None
        return self.follow_into(source, ref[1:], field, placed, "warning" if placeholder else "error")

    def follow_into(
        self, source: Placed, path: Sequence[str | int], field: str, placed: Placed, severity: Severity = "error"
    ) -> JsonSchema:
        """The type at the end of a path into a node's output."""
        known = self._known(source)
        if not path:
            return {"type": "object"}
        key = str(path[0])
        if key not in known.properties:
            if not known.open:
                message = f'{source.name} has no output "{short(key)}"; it has {listed(known.properties)}.'
                facts: dict[str, Json] = {"source": source.node.id, "known": _some(known.properties)}
                self.report.say(severity, "unknown_output", message, placed.node, field, facts)
            return ANYTHING
        end = resolve(as_schema(known.properties[key]), path[1:])
        if not isinstance(end, DeadEnd):
            return end
        way = ".".join(short(str(part)) for part in path[: end.position + 1])
        self.report.warning("unknown_path", f'The path ends at "{way}": {end.reason}.', placed.node, field)
        return ANYTHING

    def _known(self, source: Placed) -> Known:
        if id(source) not in self.outputs:
            self.outputs[id(source)] = known_outputs(source)
        return self.outputs[id(source)]

    def _find(self, root: str, field: str, placed: Placed, level: Level, *, placeholder: bool) -> Placed | None:
        """The node of this id as it is seen from here, and a note that it is waited for."""
        if root == placed.node.id:
            self._wrong("self_reference", "A node cannot read its own output.", placed, field, root)
            return None
        if level.owner is not None and root == level.owner.node.id:
            message = f'"{root}" is the composite around this node and not done yet; read "item", "index" or "loop".'
            self._wrong("own_composite", message, placed, field, root)
            return None
        if (sibling := level.by_id.get(root)) is not None:
            self._note(level, Read(placed.node.id, root, placed, field))
            return sibling
        around = level.around
        if around is not None and level.owner is not None and (outer := around.by_id.get(root)) is not None:
            # A body takes what it reads from outside when its composite starts.
            self._note(around, Read(level.owner.node.id, root, placed, field))
            return outer
        if root in level.isolated or (around is not None and root in around.isolated):
            self._wrong("isolated_reference", f'No edge leads to "{root}", so it is left out.', placed, field, root)
        elif root in self.outline.ids:
            message = (
                f'"{root}" sits in the body of a composite; from outside only the composite\'s results can be read.'
            )
            self._wrong("into_composite", message, placed, field, root)
        elif placeholder:
            self._warn_unknown(root, placed, level, field)
        else:
            known = [*level.by_id, *(around.by_id if around else ()), *SCOPES]
            message = f'There is no node "{short(root)}"{self.report.hint(root, known)}'
            self._wrong("unknown_node", message, placed, field, root)
        return None

    def _follow_scope(
        self, ref: Sequence[str | int], field: str, placed: Placed, level: Level, severity: Severity
    ) -> JsonSchema | None:
        scope = str(ref[0])
        facts: dict[str, Json] = {"scope": scope}
        if scope in _TURN and level.owner is None:
            message = f'"{scope}" exists only inside a composite; here is none.'
            self.report.say(severity, "outside_composite", message, placed.node, field, facts)
            return None
        if scope == "index":
            if len(ref) > 1:
                message = '"index" is a number; nothing can be read from it.'
                self.report.say(severity, "invalid_reference", message, placed.node, field, facts)
            return {"type": "integer"}
        if scope == "item":
            return ANYTHING
        if scope == "loop" and not level.in_loop:
            message = '"loop" holds the variables of a loop; a batch has none.'
            self.report.say(severity, "outside_loop", message, placed.node, field, facts)
            return None
        if len(ref) < 2:
            message = f'"{scope}" needs the name of a variable: ["{scope}", name].'
            self.report.say(severity, "invalid_reference", message, placed.node, field, facts)
            return None
        if scope == "loop":
            self.check_variable(str(ref[1]), field, placed, level, severity)
        return ANYTHING

    def check_variable(self, name: str, field: str, placed: Placed, level: Level, severity: Severity = "error") -> None:
        """The loop around declares a variable of this name, unless its variables are known only when it runs."""
        known = loop_variables(level.owner) if level.owner is not None else None
        if known is not None and name not in known:
            message = f'The loop has no variable "{short(name)}"; it has {listed(known)}.'
            self.report.say(severity, "unknown_variable", message, placed.node, field, {"variable": short(name)})

    def _check_template(self, template: str, field: str, placed: Placed, level: Level) -> None:
        try:
            good, bad = placeholders(template, self.limits.template_bytes)
        except LimitExceeded as error:
            self.report.say("error", "template_too_long", error.message, placed.node, field, error.facts)
            return
        for text in dict.fromkeys(bad):
            message = f'"{text}" looks like a placeholder and is none; one is written {{{{name.key[0]}}}}.'
            self.report.warning("malformed_placeholder", message, placed.node, field)
        for path in dict.fromkeys(path for path, _ in good):
            if not self.report.full and not placed.is_input(str(path[0])):
                self.follow(path, field, placed, level, placeholder=True)

    def _warn_unknown(self, root: str, placed: Placed, level: Level, field: str) -> None:
        inputs = placed.node.data.inputs
        if root in inputs:
            message = f'The input "{short(root)}" is a template itself, and a placeholder cannot name one.'
        else:
            known = [*inputs, *level.by_id, *(level.around.by_id if level.around else ())]
            hint = self.report.hint(root, known)
            message = f'"{short(root)}" names neither an input of this node nor a node, so the text stays{hint}'
        self.report.warning("unknown_placeholder", message, placed.node, field, name=short(root))

    def _wrong(self, code: str, message: str, placed: Placed, field: str, root: str) -> None:
        self.report.error(code, message, placed.node, field, source=short(root))

    def _note(self, level: Level, read: Read) -> None:
        self.reads.setdefault(id(level), []).append(read)


def loop_variables(owner: Placed) -> list[str] | None:
    """The names of a loop's variables; None when they are known only when it runs."""
    match owner.node.data.inputs.get("variables"):
        case None:
            return []
        case ObjectOf(object=members):
            return list(members)
        case Literally(value=dict() as members):
            return list(members)
        case _:
            return None


def _some(names: Iterable[str]) -> list[Json]:
    return [short(name) for name in islice(names, 100)]
