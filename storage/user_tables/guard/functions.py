"""The functions that a statement may call, by the parser's name for each, and how SQLite is asked for them.

A name that begins with `ms_` is a function of `sqlite/functions.py`, which does what MySQL's does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from storage.user_tables.guard.writing import Kind, Piece, only, refuse

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Expression

AGGREGATES: Final = frozenset({"Count", "Sum", "Avg", "Min", "Max", "GroupConcat"})
_UNITS: Final = frozenset({"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"})
_FORMATS: Final = frozenset("YmdHMSyjbBaAIpfe-")
"""What may follow `%` in a format of times, as the parser has translated it."""
KNOWN: Final = (
    "COUNT SUM AVG MIN MAX GROUP_CONCAT CONCAT CONCAT_WS LENGTH CHAR_LENGTH UPPER LOWER TRIM LTRIM RTRIM SUBSTRING LEFT"
    " RIGHT REPLACE INSTR LOCATE ABS ROUND CEIL FLOOR MOD TRUNCATE SIGN RAND IF IFNULL COALESCE NULLIF ISNULL CASE"
    " GREATEST LEAST FIELD FIND_IN_SET SUBSTRING_INDEX CAST NOW CURDATE CURTIME DATE TIME YEAR QUARTER MONTH DAY HOUR"
    " MINUTE SECOND WEEKDAY DAYOFWEEK DAYOFYEAR LAST_DAY DATE_FORMAT DATE_ADD DATE_SUB DATEDIFF TIMESTAMPDIFF"
    " UNIX_TIMESTAMP FROM_UNIXTIME EXTRACT"
)
"""What the documentation and a refusal name."""


class Writer(Protocol):
    """What a function needs of whoever writes the expression around it."""

    def write(self, node: Expression) -> Piece: ...
    def bind(self, value: str) -> str: ...
    def order(self, nodes: list[Expression]) -> str: ...
    @property
    def aggregates(self) -> bool: ...


Write = Callable[[Writer, "Expression"], Piece]


def call(name: str, *pieces: Piece, kind: Kind = "other") -> Piece:
    """A call of a function of SQLite."""
    return Piece(f"{name}({', '.join(one.sql for one in pieces)})", kind, all(one.fixed for one in pieces))


def write_function(writer: Writer, node: Expression) -> Piece | None:
    """The call of a function that is known; None for any other node."""
    kind = type(node).__name__
    if kind == "Anonymous":
        name = str(node.this).lower()
        if name not in _BY_NAME:
            refuse(f"The function {name[:40].upper()} is not offered. There are: {', '.join(KNOWN.split())}.")
        only(node, "this", "expressions")
        return _BY_NAME[name](writer, node)
    if kind in AGGREGATES and not writer.aggregates:
        refuse(f"{kind.upper()} of many rows cannot stand here.")
    return _BY_KIND[kind](writer, node) if kind in _BY_KIND else None


def _plain(name: str, *args: str, kind: Kind = "other") -> Write:
    """A function whose arguments are these members of the node, as far as they are there."""

    def write(writer: Writer, node: Expression) -> Piece:
        only(node, *args, "ignore_nulls", "safe", "coalesce", "big_int", "date_part_boundary", "binary")
        given: list[Piece] = []
        for arg in args:
            value = node.args.get(arg)
            given += [writer.write(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
        return call(name, *given, kind=kind)

    return write


def _named(name: str, least: int, most: int, kind: Kind = "other") -> Write:
    """A function that the parser does not know, with its arguments in a row."""

    def write(writer: Writer, node: Expression) -> Piece:
        given = [writer.write(one) for one in node.expressions]
        if not least <= len(given) <= most:
            refuse(f"{str(node.this).upper()} takes {least} to {most} arguments.")
        return call(name, *given, kind=kind)

    return write


def _aggregate(name: str, kind: Kind = "number") -> Write:
    def write(writer: Writer, node: Expression) -> Piece:
        only(node, "this", "big_int")
        inner = node.this
        if type(inner).__name__ == "Star" and name == "COUNT":
            only(inner)
            return Piece("COUNT(*)", kind)
        if type(inner).__name__ == "Distinct":
            only(inner, "expressions")
            if len(inner.expressions) != 1:
                refuse(f"{name}(DISTINCT …) takes one column.")
            return Piece(f"{name}(DISTINCT {writer.write(inner.expressions[0]).sql})", kind)
        return Piece(f"{name}({writer.write(inner).sql})", kind)

    return write


def _group_concat(writer: Writer, node: Expression) -> Piece:
    only(node, "this", "separator")
    inner = node.this
    if type(inner).__name__ == "Order":
        # Which order the texts come in SQLite leaves open before 3.44, so none is promised.
        refuse("GROUP_CONCAT with ORDER BY is not taken: order the rows in a sub-query, or the texts afterwards.")
    separator = node.args.get("separator")
    if type(inner).__name__ == "Distinct":
        only(inner, "expressions")
        if separator is not None or len(inner.expressions) != 1:
            refuse("GROUP_CONCAT(DISTINCT …) takes one column and no separator.")
        return Piece(f"GROUP_CONCAT(DISTINCT {writer.write(inner.expressions[0]).sql})", "text")
    given = writer.bind(",") if separator is None else writer.write(separator).sql
    return Piece(f"GROUP_CONCAT({writer.write(inner).sql}, {given})", "text")


def _concat(writer: Writer, node: Expression) -> Piece:
    only(node, "expressions", "safe", "coalesce")
    pieces = [writer.write(one) for one in node.expressions]
    # As MySQL: null if any is null.
    return Piece(f"({' || '.join(one.sql for one in pieces)})", "text", all(one.fixed for one in pieces))


def _length(writer: Writer, node: Expression) -> Piece:
    only(node, "this", "binary")
    piece = writer.write(node.this)
    inner = f"CAST({piece.sql} AS BLOB)" if node.args.get("binary") else f"CAST({piece.sql} AS TEXT)"
    return Piece(f"LENGTH({inner})", "number", piece.fixed)


def _trim(writer: Writer, node: Expression) -> Piece:
    only(node, "this", "position", "expression")
    place, what = str(node.args.get("position") or "BOTH"), node.args.get("expression")
    off = Piece(writer.bind(" "), fixed=True) if what is None else writer.write(what)
    return call("ms_trim", Piece(writer.bind(place), fixed=True), off, writer.write(node.this), kind="text")


def _minus_one(name: str) -> Write:
    """A function of one argument and more, which SQLite takes for an aggregate when it has one alone."""

    def write(writer: Writer, node: Expression) -> Piece:
        only(node, "this", "expressions", "ignore_nulls")
        pieces = [writer.write(one) for one in (node.this, *node.expressions)]
        if len(pieces) < 2:
            refuse("GREATEST and LEAST take two arguments or more.")
        return call(name, *pieces)

    return write


def _if(writer: Writer, node: Expression) -> Piece:
    only(node, "this", "true", "false")
    condition, then = writer.write(node.this), writer.write(node.args["true"])
    other = node.args.get("false")
    otherwise = Piece("NULL", fixed=True) if other is None else writer.write(other)
    kind = then.kind if then.kind == otherwise.kind else "other"
    text = f"CASE WHEN {condition.sql} THEN {then.sql} ELSE {otherwise.sql} END"
    return Piece(text, kind, condition.fixed and then.fixed and otherwise.fixed)


def _case(writer: Writer, node: Expression) -> Piece:
    only(node, "this", "ifs", "default")
    pieces: list[Piece] = []
    words = ["CASE"]
    if node.this is not None:
        pieces.append(writer.write(node.this))
        words.append(pieces[-1].sql)
    for one in node.args["ifs"]:
        only(one, "this", "true")
        pieces += [writer.write(one.this), writer.write(one.args["true"])]
        words += ["WHEN", pieces[-2].sql, "THEN", pieces[-1].sql]
    if (default := node.args.get("default")) is not None:
        pieces.append(writer.write(default))
        words += ["ELSE", pieces[-1].sql]
    return Piece(" ".join([*words, "END"]), "other", all(one.fixed for one in pieces))


def _now(form: str) -> Write:
    def write(writer: Writer, node: Expression) -> Piece:
        # The precision that NOW(3) asks for is more than a time is kept with.
        only(node, "this", "expressions")
        return Piece(f"{form}(:now)", "text", fixed=True)

    return write


def _part(name: str) -> Write:
    def write(writer: Writer, node: Expression) -> Piece:
        only(node, "this")
        return call("ms_part", Piece(writer.bind(name), fixed=True), writer.write(node.this), kind="number")

    return write


def _weekday(writer: Writer, node: Expression) -> Piece:
    if len(node.expressions) != 1:
        refuse("WEEKDAY takes one time.")
    return call("ms_part", Piece(writer.bind("weekday"), fixed=True), writer.write(node.expressions[0]), kind="number")


def _extract(writer: Writer, node: Expression) -> Piece:
    only(node, "this", "expression")
    unit = Piece(writer.bind(_unit(node.this)), fixed=True)
    return call("ms_part", unit, writer.write(node.args["expression"]), kind="number")


def _unit(node: Expression | None) -> str:
    name = str(getattr(node, "this", "")).upper().removesuffix("S")
    if type(node).__name__ != "Var" or name not in _UNITS:
        refuse(f"An interval is of one of: {', '.join(sorted(_UNITS))}.")
    return name.lower()


def _shift(sign: str) -> Write:
    def write(writer: Writer, node: Expression) -> Piece:
        only(node, "this", "expression", "unit")
        moment, amount = writer.write(node.this), node.args["expression"]
        return _moved(writer, moment, sign, amount, node.args.get("unit"))

    return write


def _moved(writer: Writer, moment: Piece, sign: str, amount: Expression, unit: Expression | None) -> Piece:
    if type(amount).__name__ == "Interval":
        return shifted(writer, moment, sign, amount)
    how = Piece(writer.bind(_unit(unit)), fixed=True)
    many = writer.write(amount)
    return call("ms_shift", moment, Piece(f"({sign}{many.sql})", "number", many.fixed), how, kind="text")


def shifted(writer: Writer, moment: Piece, sign: str, interval: Expression) -> Piece:
    """A moment and an interval added (`sign` is empty) or taken away (`-`)."""
    only(interval, "this", "unit")
    return _moved(writer, moment, sign, interval.this, interval.args.get("unit"))


def _adddate(sign: str) -> Write:
    def write(writer: Writer, node: Expression) -> Piece:
        if len(node.expressions) != 2:
            refuse("ADDDATE and SUBDATE take two arguments.")
        moment, amount = writer.write(node.expressions[0]), node.expressions[1]
        if type(amount).__name__ == "Interval":
            return shifted(writer, moment, sign, amount)
        many = writer.write(amount)
        days = Piece(writer.bind("day"), fixed=True)
        return call("ms_shift", moment, Piece(f"({sign}{many.sql})", "number", many.fixed), days, kind="text")

    return write


def _format(writer: Writer, node: Expression) -> Piece:
    only(node, "this", "format")
    return call("ms_format", writer.write(node.this), _format_text(writer, node.args["format"]), kind="text")


def _format_text(writer: Writer, node: Expression) -> Piece:
    text = str(node.this) if type(node).__name__ == "Literal" else None
    if text is None or any(sign not in _FORMATS for sign in [part[:1] for part in text.split("%")[1:]]):
        refuse("A format of times is a text with %Y %m %d %H %i %s %y %j %b %M %a %W %h %p %e %T in it.")
    return Piece(writer.bind(text), fixed=True)


def _from_unix(writer: Writer, node: Expression) -> Piece:
    only(node, "this", "format")
    moment = call("ms_from_unix", writer.write(node.this), kind="text")
    form = node.args.get("format")
    return moment if form is None else call("ms_format", moment, _format_text(writer, form), kind="text")


def _unix(writer: Writer, node: Expression) -> Piece:
    if len(node.expressions) > 1:
        refuse("UNIX_TIMESTAMP takes one time, or none.")
    moment = writer.write(node.expressions[0]) if node.expressions else Piece(":now", "text", fixed=True)
    return call("ms_unix", moment, kind="number")


def _difference(writer: Writer, node: Expression) -> Piece:
    only(node, "this", "expression", "unit")
    unit = Piece(writer.bind(_unit(node.args.get("unit"))), fixed=True)
    return call("ms_between", unit, writer.write(node.args["expression"]), writer.write(node.this), kind="number")


def _same(writer: Writer, node: Expression) -> Piece:
    """What the parser only puts around a time to say that it is one."""
    only(node, "this")
    return writer.write(node.this)


_BY_KIND: Final[Mapping[str, Write]] = MappingProxyType(
    {
        "Count": _aggregate("COUNT"),
        "Sum": _aggregate("SUM"),
        "Avg": _aggregate("AVG"),
        "Min": _aggregate("MIN", "other"),
        "Max": _aggregate("MAX", "other"),
        "GroupConcat": _group_concat,
        "Concat": _concat,
        "ConcatWs": _plain("ms_concat_ws", "expressions", kind="text"),
        "Length": _length,
        "Upper": _plain("UPPER", "this", kind="text"),
        "Lower": _plain("LOWER", "this", kind="text"),
        "Trim": _trim,
        "Substring": _plain("SUBSTR", "this", "start", "length", kind="text"),
        "SubstringIndex": _plain("ms_substring_index", "this", "delimiter", "count", kind="text"),
        "Left": _plain("ms_left", "this", "expression", kind="text"),
        "Right": _plain("ms_right", "this", "expression", kind="text"),
        "Replace": _plain("ms_replace", "this", "expression", "replacement", kind="text"),
        "StrPosition": _plain("ms_instr", "this", "substr", kind="number"),
        "Abs": _plain("ABS", "this", kind="number"),
        "Round": _plain("ROUND", "this", "decimals", kind="number"),
        "Ceil": _plain("ms_ceil", "this", kind="number"),
        "Floor": _plain("ms_floor", "this", kind="number"),
        "Mod": _plain("ms_mod", "this", "expression", kind="number"),
        "Trunc": _plain("ms_truncate", "this", "decimals", kind="number"),
        "Sign": _plain("ms_sign", "this", kind="number"),
        "Rand": _plain("ms_rand", kind="number"),
        "If": _if,
        "Case": _case,
        "Coalesce": _plain("COALESCE", "this", "expressions"),
        "Nullif": _plain("NULLIF", "this", "expression"),
        "Greatest": _minus_one("MAX"),
        "Least": _minus_one("MIN"),
        "CurrentTimestamp": _now("ms_moment"),
        "Localtime": _now("ms_moment"),
        "UtcTimestamp": _now("ms_moment"),
        "CurrentDate": _now("ms_date"),
        "CurrentTime": _now("ms_time"),
        "TsOrDsToDate": _plain("ms_date", "this", kind="text"),
        "TsOrDsToTimestamp": _same,
        "Time": _plain("ms_time", "this", kind="text"),
        "LastDay": _plain("ms_last_day", "this", kind="text"),
        "TimeToStr": _format,
        "UnixToTime": _from_unix,
        "DateAdd": _shift(""),
        "DateSub": _shift("-"),
        "TimestampAdd": _shift(""),
        "DateDiff": _plain("ms_days_between", "this", "expression", kind="number"),
        "TimestampDiff": _difference,
        "Extract": _extract,
        "Year": _part("year"),
        "Quarter": _part("quarter"),
        "Month": _part("month"),
        "Day": _part("day"),
        "DayOfMonth": _part("day"),
        "Hour": _part("hour"),
        "Minute": _part("minute"),
        "Second": _part("second"),
        "DayOfWeek": _part("dayofweek"),
        "DayOfYear": _part("dayofyear"),
    }
)

_BY_NAME: Final[Mapping[str, Write]] = MappingProxyType(
    {
        "now": _now("ms_moment"),
        "sysdate": _now("ms_moment"),
        "mid": _named("SUBSTR", 3, 3, "text"),
        "weekday": _weekday,
        "unix_timestamp": _unix,
        "adddate": _adddate(""),
        "subdate": _adddate("-"),
        "field": _named("ms_field", 2, 50, "number"),
        "find_in_set": _named("ms_find_in_set", 2, 2, "number"),
    }
)
