"""Placeholders: `{{node.key[0].key}}` cut out of a template and read as a path."""

from __future__ import annotations

from typing import Final

from engine.errors import LimitExceeded
from engine.limits import DEFAULT_LIMITS

Path = tuple[str | int, ...]
TemplatePart = str | tuple[Path, str]
"""Literal text, or a placeholder's path and the text (without blanks) that stands again where its value is unknown."""

LONGEST_PATH: Final = 32
"""As long as a reference of the canvas may be."""
LONGEST_INDEX: Final = 9


def parse_placeholder(inner: str) -> Path | None:
    """The path that stands between the braces: `a.b[0].c` is a, b, 0, c. None when it is malformed.

    Blanks around a key or an index do not matter; within a key they belong to it.
    """
    path: list[str | int] = []
    for segment in inner.split("."):
        key, *indexes = segment.split("[")
        if not (key := key.strip()) or "]" in key:
            return None
        path.append(key)
        for index in indexes:
            digits, closing, rest = index.partition("]")
            digits = digits.strip()
            if (
                not closing
                or rest.strip()
                or not (digits.isascii() and digits.isdecimal())
                or len(digits) > LONGEST_INDEX
            ):
                return None
            path.append(int(digits))
        if len(path) > LONGEST_PATH:
            return None
    return tuple(path)


def split_template(template: str, *, limit_bytes: int = DEFAULT_LIMITS.template_bytes) -> list[TemplatePart]:
    """The literal texts and placeholders of a template, in order.

    A placeholder is `{{`, anything but `}`, and `}}`; the leftmost opening counts. A malformed one is literal text.
    """
    size = len(template) if template.isascii() else len(template.encode("utf-8", "surrogatepass"))
    if size > limit_bytes:
        raise LimitExceeded(
            f"The template is {size} bytes long; the limit is {limit_bytes}.",
            limit=limit_bytes,
            setting="MAINSPRING_TEMPLATE_BYTES",
        )
    parts: list[TemplatePart] = []
    taken = at = 0
    # Not a regular expression: `\{\{[^}]+\}\}` takes quadratic time on a row of opening braces.
    while (opening := template.find("{{", at)) >= 0 and (closing := template.find("}", opening + 2)) >= 0:
        # Every later opening before `closing` ends at the same brace, so that none of them can do better than this one.
        at = closing + 1
        if not template.startswith("}}", closing):
            continue
        inner = template[opening + 2 : closing].strip()
        path = parse_placeholder(inner)
        at = closing + 2
        if path is None:
            continue
        if opening > taken:
            parts.append(template[taken:opening])
        parts.append((path, f"{{{{{inner}}}}}"))
        taken = at
    if taken < len(template):
        parts.append(template[taken:])
    return parts
