"""Templates: the same text and placeholders, where only what Coze would resolve is resolved here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from engine.canvas import SCOPES
from engine.interchange.coze.reader import Expr, Reader
from engine.references import parse_placeholder

BRACES: Final = "_braces"
"""A hidden input that holds two opening braces: what must stay text though it would name something here."""

_SCOPES: Final = frozenset(SCOPES)


def pieces(template: str) -> Iterator[tuple[str, str | None]]:
    """The text in pieces; with each placeholder what stands between its braces, without blanks."""
    taken = at = 0
    while (opening := template.find("{{", at)) >= 0 and (closing := template.find("}", opening + 2)) >= 0:
        at = closing + 1
        inner = template[opening + 2 : closing].strip()
        if not template.startswith("}}", closing) or not inner:
            continue
        at = closing + 2
        if opening > taken:
            yield template[taken:opening], None
        yield template[opening:at], inner
        taken = at
    if taken < len(template):
        yield template[taken:], None


class Template:
    """The templates of one node. `names` are the author's inputs, there and here; `own` those of the node's type."""

    def __init__(self, reader: Reader, names: Mapping[str, str], own: frozenset[str] = frozenset()) -> None:
        self._reader, self._names = reader, names
        self._taken = own | frozenset(names.values()) | _SCOPES | {BRACES}
        self.hidden: dict[str, Expr] = {}
        """Inputs that the node needs besides its own, once its templates are made."""

    def made(self, template: str) -> str:
        """The template as it stands here."""
        if "{{" not in template:
            return template
        return "".join(text if inner is None else self._placeholder(text, inner) for text, inner in pieces(template))

    def expression(self, template: str) -> Expr:
        """The template as an expression: a plain value where it names nothing."""
        made = self.made(template)
        return {"template": made} if "{{" in made else {"value": made}

    def _placeholder(self, text: str, inner: str) -> str:
        path = parse_placeholder(inner)
        if path is None:
            return text
        root = str(path[0])
        name = self._names.get(root)
        if name == root:
            return text
        if name is not None:
            rest = inner.lstrip()[len(root) :]
            return f"{{{{{name}{rest}}}}}"
        if root in self._taken or root in self._reader.around.places.ids:
            self.hidden[BRACES] = {"value": "{{"}
            return f"{{{{{BRACES}}}}}{inner}}}}}"
        return text
