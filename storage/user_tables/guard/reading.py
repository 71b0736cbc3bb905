"""Reading a statement: what is refused before it is parsed, where its slots stand, and the tree that comes of it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from storage.ports.tables import Slot, SqlRefused

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Expression
    from sqlglot.tokenizer_core import Token

LONGEST_SQL: Final = 20 * 1024
MOST_TOKENS: Final = 3_000
MOST_NODES: Final = 3_000
DEEPEST: Final = 40
_BEGINNINGS: Final = frozenset({"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "("})
_MEANT: Final = "A statement is one SELECT, INSERT, UPDATE or DELETE on the table of the node."


@dataclass(frozen=True, slots=True)
class Statement:
    """A tree that was parsed, and the texts that its placeholders stand for."""

    tree: Expression
    bound: Mapping[str, str]


def read_statement(parts: Sequence[str | Slot]) -> Statement:
    """The statement that the parts make. Raises `SqlRefused`.

    A slot between quotes or backticks becomes a bound value; with other text between the quotes the whole is bound. Any
    other slot becomes part of the text, which is then looked at like all of it.
    """
    _quiet()
    _check_size(sum(len(part.text if isinstance(part, Slot) else part) for part in parts))
    # Nobody can write a mark before it is made.
    mark = f"slot{secrets.token_hex(8)}x"
    slots = {f"{mark}{number}x": part for number, part in enumerate(parts) if isinstance(part, Slot)}
    marked = "".join(f"{mark}{number}x" if isinstance(part, Slot) else part for number, part in enumerate(parts))
    text, bound = _bind(marked, slots, mark)
    for name, slot in slots.items():
        text = text.replace(name, slot.text if slot.bare is None else slot.bare)
    _check_text(text)
    tree = _parse(text, [*_tokens(text)])
    found = [one.name for one in _placeholders(tree)]
    if sorted(found) != sorted(bound):
        # A value that was put into the text changed where texts begin and end.
        raise SqlRefused("The values that were put into the SQL change how it reads; put their placeholders in quotes.")
    return Statement(tree, bound)


def _bind(marked: str, slots: Mapping[str, Slot], mark: str) -> tuple[str, dict[str, str]]:
    """The text in which quoted slots are placeholders, and what these stand for."""
    if not slots:
        return marked, {}
    from sqlglot.tokenizer_core import TokenType

    made: list[str] = []
    bound: dict[str, str] = {}
    end = 0
    for token in _tokens(marked):
        if mark not in token.text:
            continue
        whole = slots.get(token.text)
        quoted = marked[token.start] == "`"
        if token.token_type is TokenType.STRING or (quoted and whole is not None):
            value = token.text
            for name, slot in slots.items():
                value = value.replace(name, slot.text)
            name = f"{mark}b{len(bound)}x"
            bound[name] = value
            made += [marked[end : token.start], f":{name}"]
            end = token.end + 1
    return "".join([*made, marked[end:]]), bound


def _check_size(size: int) -> None:
    if size > LONGEST_SQL * 64:
        raise SqlRefused("The SQL with its values is longer than a statement may be.", limit=LONGEST_SQL)


def _check_text(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise SqlRefused("The SQL has half a character in it.") from None
    if size > LONGEST_SQL:
        raise SqlRefused(f"The SQL is longer than {LONGEST_SQL} bytes, which is the limit.", limit=LONGEST_SQL)
    if any(ord(character) < 32 and character not in "\t\r\n" for character in text) or "\x7f" in text:
        raise SqlRefused("The SQL holds characters that cannot be seen.")


def _tokens(text: str) -> Iterator[Token]:
    from sqlglot.dialects.mysql import MySQL
    from sqlglot.errors import SqlglotError

    try:
        tokens = MySQL().tokenize(text)
    except SqlglotError as error:
        raise SqlRefused("The SQL cannot be read: a quotation mark or a comment has no end.") from error
    if len(tokens) > MOST_TOKENS:
        raise SqlRefused(f"The SQL has more than {MOST_TOKENS} words and signs, which is the limit.", limit=MOST_TOKENS)
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth > DEEPEST:
            raise SqlRefused(f"The SQL is nested more than {DEEPEST} levels deep, which is the limit.", limit=DEEPEST)
        if any(comment.startswith(("!", "M!", "+")) for comment in token.comments):
            raise SqlRefused("A comment that gives orders to the database is not taken.")
        if token.token_type.name == "HINT":
            raise SqlRefused("Hints to the database are not taken.")
        yield token


def _parse(text: str, tokens: Sequence[Token]) -> Expression:
    """The one tree of the text."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    if not tokens or tokens[0].text.upper() not in _BEGINNINGS:
        raise SqlRefused(_MEANT)
    try:
        trees = [tree for tree in sqlglot.parse(text, read="mysql") if tree is not None]
        size = sum(1 for tree in trees for _ in tree.walk())
    except RecursionError as error:
        raise SqlRefused("The SQL is nested too deeply.") from error
    except SqlglotError as error:
        raise SqlRefused(f"The SQL cannot be read{_place(error)}.") from error
    if len(trees) != 1:
        raise SqlRefused(f"There are {len(trees)} statements. {_MEANT}")
    if size > MOST_NODES:
        raise SqlRefused(f"The SQL has more than {MOST_NODES} parts, which is the limit.", limit=MOST_NODES)
    return trees[0]


def _place(error: Any) -> str:
    """Where the parser stopped, in its own words but without its colours."""
    found = next(iter(getattr(error, "errors", None) or ()), None)
    if not found:
        return ""
    near = f"{str(found.get('start_context') or '')[-30:]}{found.get('highlight') or ''}".strip()
    return f" near “{near}” (line {found.get('line')}, column {found.get('col')})" if near else ""


def _placeholders(tree: Expression) -> Iterator[Expression]:
    from sqlglot import exp

    yield from tree.find_all(exp.Placeholder)


def _quiet() -> None:
    # The parser logs what it does not understand, and that is an author's text with its values.
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL + 1)
