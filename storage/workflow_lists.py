"""Lists of workflows: searched, filtered, sorted, in pages that skip nothing where many are alike."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal

import orjson
from sqlalchemy import Connection, Integer, Text, and_, bindparam, func, or_, select, type_coerce
from sqlmodel import col

from engine.errors import InvalidInput
from engine.values import Json
from storage.ids import read_id
from storage.paging import Page, columns_of, page_size
from storage.tables import Workflow

Sort = Literal["created", "updated", "name"]
State = Literal["draft", "published", "changed"]

MOST_TAGS: Final = 10
LONGEST_TAG: Final = 40


@dataclass(frozen=True, slots=True)
class WorkflowSummary:
    """A workflow as lists show it."""

    id: int
    key: str
    name: str
    description: str
    revision: int
    latest_version: str | None
    created: int
    updated: int
    folder_id: int = 0
    published_revision: int = 0
    created_by: int = 0
    updated_by: int = 0
    tags: Json = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which workflows are wanted; `folder_id` is 0 for those in none, and None for all."""

    search: str = ""
    folder_id: int | None = None
    tag: str = ""
    state: State | None = None
    created_by: int | None = None
    ids: frozenset[int] | None = field(default=None)


def state_of(workflow: Workflow | WorkflowSummary) -> State:
    """`draft` as long as nothing runs, `changed` when the draft has moved on since it was published."""
    if workflow.latest_version is None:
        return "draft"
    return "published" if workflow.revision == workflow.published_revision else "changed"


def checked_tags(tags: list[str]) -> list[Json]:
    """Tags as they are kept: trimmed, each once. Raises `InvalidInput`."""
    found = [*dict.fromkeys(" ".join(tag.split()) for tag in tags)]
    if len(found) > MOST_TAGS:
        raise InvalidInput(f"A workflow has at most {MOST_TAGS} tags.", field="tags")
    for tag in found:
        # Quoted and searched as JSON: what JSON would have to escape is no part of one.
        if not 1 <= len(tag) <= LONGEST_TAG or '"' in tag or "\\" in tag or not tag.isprintable():
            raise InvalidInput(f'A tag has 1 to {LONGEST_TAG} characters, without " and \\.', field="tags")
    return [*found]


def page_of(
    connection: Connection, org_id: int, space_id: int, filters: Filters, sort: Sort, cursor: str | None, limit: int
) -> Page[WorkflowSummary]:
    """A page of those that are wanted. Names go up; for the other orders the newest comes first."""
    size = page_size(limit)
    last = _read_cursor(cursor, sort)
    if last is None and filters == _ALL:
        statement, values = _first_of_all(sort), {"org_id": org_id, "space_id": space_id}
    else:
        here = (col(Workflow.org_id) == org_id, col(Workflow.space_id) == space_id, _KEPT)
        statement, values = _ordered(sort).where(*here, *_conditions(filters)), {}
        if last is not None:
            statement = statement.where(_behind(sort, _VALUES[sort], *last))
    rows = connection.execute(statement, {"most": size + 1, **values}).all()
    items = [WorkflowSummary(*row[:-1]) for row in rows[:size]]
    following = _cursor(sort, rows[size - 1][-1], items[-1].id) if len(rows) > size else None
    return Page(items, following)


_VALUES: Final[dict[Sort, Any]] = {
    # Ids grow with time.
    "created": col(Workflow.id),
    "updated": col(Workflow.updated),
    "name": func.lower(col(Workflow.name)),
}


_ALL: Final = Filters()
_KEPT: Final = col(Workflow.deleted_at).is_(None)


@cache
def _first_of_all(sort: Sort) -> Any:
    """The first page of everything, which is what most ask for: making the statement takes as long as running it."""
    here = (col(Workflow.org_id) == bindparam("org_id"), col(Workflow.space_id) == bindparam("space_id"), _KEPT)
    return _ordered(sort).where(*here)


@cache
def _ordered(sort: Sort) -> Any:
    value = _VALUES[sort]
    order = (value, col(Workflow.id)) if sort == "name" else (value.desc(), col(Workflow.id).desc())
    columns = select(*columns_of(Workflow, WorkflowSummary), value)
    return columns.order_by(*order).limit(bindparam("most", type_=Integer()))


def _conditions(filters: Filters) -> list[Any]:
    found: list[Any] = []
    if filters.search:
        places = (col(Workflow.name), col(Workflow.key), col(Workflow.description))
        found.append(
            or_(*(place.icontains(one, autoescape=True) for place in places for one in spellings(filters.search)))
        )
    if filters.folder_id is not None:
        found.append(col(Workflow.folder_id) == filters.folder_id)
    if filters.tag:
        found.append(func.instr(type_coerce(col(Workflow.tags), Text()), f'"{filters.tag}"') > 0)
    if filters.created_by is not None:
        found.append(col(Workflow.created_by) == filters.created_by)
    if filters.ids is not None:
        found.append(col(Workflow.id).in_([*filters.ids]))
    changed = col(Workflow.revision) != col(Workflow.published_revision)
    match filters.state:
        case "draft":
            found.append(col(Workflow.latest_version).is_(None))
        case "published":
            found.append(and_(col(Workflow.latest_version).is_not(None), ~changed))
        case "changed":
            found.append(and_(col(Workflow.latest_version).is_not(None), changed))
        case None:
            pass
    return found


def spellings(text: str) -> list[str]:
    """A text as it may be written: SQLite folds the case of ASCII letters alone, and Ä, Я or Ω have cases too."""
    if text.isascii():
        return [text]
    return [*dict.fromkeys((text, text.lower(), text.upper(), text.title(), text.capitalize()))]


def _behind(sort: Sort, value: Any, last: Any, id_: int) -> Any:
    if sort == "created":
        return col(Workflow.id) < id_
    if sort == "name":
        return or_(value > last, and_(value == last, col(Workflow.id) > id_))
    return or_(value < last, and_(value == last, col(Workflow.id) < id_))


def _cursor(sort: Sort, value: Any, id_: int) -> str:
    if sort == "created":
        return str(id_)
    return base64.urlsafe_b64encode(orjson.dumps([sort, value, str(id_)])).decode().rstrip("=")


def _read_cursor(cursor: str | None, sort: Sort) -> tuple[Any, int] | None:
    if not cursor:
        return None
    if sort == "created":
        if (id_ := read_id(cursor)) is not None:
            return id_, id_
    else:
        try:
            found: Any = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
        except (ValueError, binascii.Error):
            found = None
        match found:
            case [kind, (int() | str()) as value, str(number)] if kind == sort:
                fits = isinstance(value, str) if sort == "name" else type(value) is int and value < 1 << 62
                if fits and (id_ := read_id(number)) is not None:
                    return value, id_
            case _:
                pass
    raise InvalidInput("The cursor is not one that a page of this list gave out.", field="cursor")
