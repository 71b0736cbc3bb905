"""Functions that SQLite lacks or has otherwise than MySQL, for SQL that was written for MySQL."""

from __future__ import annotations

import calendar
import math
import random
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from storage.user_tables.values import read_time, time_text

_STEPS: Final[Mapping[str, timedelta]] = MappingProxyType(
    {
        "second": timedelta(seconds=1),
        "minute": timedelta(minutes=1),
        "hour": timedelta(hours=1),
        "day": timedelta(days=1),
        "week": timedelta(weeks=1),
    }
)
_MONTHS: Final[Mapping[str, int]] = MappingProxyType({"month": 1, "quarter": 3, "year": 12})
_PARTS: Final[Mapping[str, Callable[[datetime], int]]] = MappingProxyType(
    {
        "year": lambda moment: moment.year,
        "quarter": lambda moment: (moment.month + 2) // 3,
        "month": lambda moment: moment.month,
        "week": lambda moment: int(moment.strftime("%U")),
        "day": lambda moment: moment.day,
        "hour": lambda moment: moment.hour,
        "minute": lambda moment: moment.minute,
        "second": lambda moment: moment.second,
        "weekday": lambda moment: moment.weekday(),
        "dayofweek": lambda moment: moment.isoweekday() % 7 + 1,
        "dayofyear": lambda moment: moment.timetuple().tm_yday,
    }
)
_UNIX: Final = datetime(1970, 1, 1)  # noqa: DTZ001 (times are kept without a zone, in UTC)
_DIGITS: Final = 30
_LONGEST: Final = 16 * 1024 * 1024


def add_functions(connection: sqlite3.Connection) -> None:
    """Let statements of this connection call them."""
    for name, function in FUNCTIONS.items():
        # Deterministic but for chance, so that they are called once where nothing changes.
        connection.create_function(name, -1, _careful(function), deterministic=name != "ms_rand")


def _careful(function: Callable[..., Any]) -> Callable[..., Any]:
    def careful(*given: Any) -> Any:
        try:
            # Null in, null out, as nearly all of MySQL's.
            return None if function not in _TAKES_NULL and None in given else function(*given)
        except (ValueError, TypeError, OverflowError, ArithmeticError):
            return None

    return careful


def _moment(value: Any) -> datetime:
    found = read_time(str(value))
    return read_time(time_text(found)) if found.tzinfo is not None else found


def _short(moment: datetime, like: Any) -> str:
    """A time as text; a date alone stays one, unless there are hours in it now."""
    text = time_text(moment)
    return text[:10] if len(str(like).strip()) <= 10 and text.endswith(" 00:00:00") else text


def _shift(value: Any, many: Any, unit: str) -> str:
    moment, amount = _moment(value), float(many)
    if unit in _STEPS:
        return _short(moment + _STEPS[unit] * amount, value)
    months = moment.year * 12 + moment.month - 1 + _MONTHS[unit] * round(amount)
    year, month = divmod(months, 12)
    # The 31st of a short month is its last day.
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return _short(moment.replace(year=year, month=month + 1, day=day), value)


def _between(unit: str, begin: Any, end: Any) -> int:
    first, second = _moment(begin), _moment(end)
    if unit in _STEPS:
        return int((second - first) / _STEPS[unit])
    sign = 1 if second >= first else -1
    first, second = (first, second) if sign == 1 else (second, first)
    months = (second.year - first.year) * 12 + second.month - first.month
    if (second.day, second.time()) < (first.day, first.time()):
        months -= 1
    return sign * (months // _MONTHS[unit])


def _days_between(end: Any, begin: Any) -> int:
    return (_moment(end).date() - _moment(begin).date()).days


def _format(value: Any, form: str) -> str:
    moment = _moment(value)
    for sign, text in (("%-d", moment.day), ("%-m", moment.month), ("%-H", moment.hour), ("%f", moment.microsecond)):
        form = form.replace(sign, f"{text:06}" if sign == "%f" else str(text))
    return moment.strftime(form)


def _last_day(value: Any) -> str:
    moment = _moment(value)
    return f"{moment:%Y-%m}-{calendar.monthrange(moment.year, moment.month)[1]}"


def _mod(value: Any, by: Any) -> float | int:
    left, right = _number(value), _number(by)
    return (
        math.fmod(left, right) if isinstance(left, float) or isinstance(right, float) else int(math.fmod(left, right))
    )


def _number(value: Any) -> float | int:
    if isinstance(value, int | float):
        return value
    number = float(value)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _truncate(value: Any, digits: Any = 0) -> float | int:
    number, places = _number(value), max(-_DIGITS, min(_DIGITS, int(digits)))
    if isinstance(number, int) and places >= 0:
        return number
    cut = math.trunc(number * 10.0**places) / 10.0**places
    return int(cut) if isinstance(number, int) else cut


def _field(value: Any, *texts: Any) -> int:
    return next((place for place, text in enumerate(texts, 1) if value is not None and str(text) == str(value)), 0)


def _find_in_set(value: Any, texts: Any) -> int:
    return _field(value, *str(texts).split(",")) if texts else 0


def _substring_index(text: Any, sign: Any, count: Any) -> str:
    parts, many = str(text).split(str(sign)), int(count)
    return str(sign).join(parts[:many] if many >= 0 else parts[many:])


def _concat_ws(sign: Any, *texts: Any) -> str | None:
    return None if sign is None else str(sign).join(str(text) for text in texts if text is not None)


def _trim(place: str, off: Any, text: Any) -> str:
    """Take a text off the ends of another, as often as it is there."""
    whole, part = str(text), str(off)
    if not part:
        return whole
    begin, end = 0, len(whole)
    while place != "TRAILING" and whole.startswith(part, begin, end):
        begin += len(part)
    while place != "LEADING" and whole.endswith(part, begin, end):
        end -= len(part)
    return whole[begin:end]


def _replace(text: Any, old: Any, new: Any) -> str:
    whole, part, instead = str(text), str(old), str(new)
    if not part:
        return whole
    if len(whole) + whole.count(part) * len(instead) > _LONGEST:
        raise OverflowError
    return whole.replace(part, instead)


def _right(text: Any, count: Any) -> str:
    many = int(count)
    return str(text)[-many:] if many > 0 else ""


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "ms_moment": lambda value: time_text(_moment(value)),
        "ms_date": lambda value: time_text(_moment(value))[:10],
        "ms_time": lambda value: time_text(_moment(value))[11:],
        "ms_part": lambda name, value: _PARTS[name](_moment(value)),
        "ms_shift": _shift,
        "ms_between": _between,
        "ms_days_between": _days_between,
        "ms_format": _format,
        "ms_last_day": _last_day,
        "ms_unix": lambda value: int((_moment(value) - _UNIX).total_seconds()),
        "ms_from_unix": lambda value: time_text(_UNIX + timedelta(seconds=float(value))),
        "ms_floor": lambda value: math.floor(_number(value)),
        "ms_ceil": lambda value: math.ceil(_number(value)),
        "ms_mod": _mod,
        "ms_truncate": _truncate,
        "ms_sign": lambda value: (_number(value) > 0) - (_number(value) < 0),
        "ms_rand": lambda: random.random(),  # noqa: S311 (RAND() of SQL keeps no secret)
        # SQLite's own take the product of both lengths, and no clock stops them.
        "ms_instr": lambda text, part: str(text).find(str(part)) + 1,
        "ms_replace": _replace,
        "ms_trim": _trim,
        "ms_left": lambda text, count: str(text)[: max(0, int(count))],
        "ms_right": _right,
        "ms_concat_ws": _concat_ws,
        "ms_field": _field,
        "ms_find_in_set": _find_in_set,
        "ms_substring_index": _substring_index,
    }
)
_TAKES_NULL: Final = frozenset({_concat_ws, _field})
