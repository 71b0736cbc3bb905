"""Organisations and departments as they are shown: with their paths, and as trees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from api.access import Member, Permission
from api.organisations.schemas import DepartmentNode, DepartmentOut, OrganisationNode, OrganisationOut
from storage.callers import descendants
from storage.people.departments import names_down_to
from storage.stores import Stores
from storage.tables import Department, Organisation


class Surroundings:
    """The organisations that somebody may see: what stands above these is not told."""

    def __init__(self, seen: Sequence[Organisation]) -> None:
        self._seen = {one.id for one in seen}
        self._names = names_down_to(seen)

    def path(self, org_id: int) -> list[str]:
        """The names of an organisation and of those above it, the topmost first."""
        return self._names.get(org_id, [])

    def shown(self, one: Organisation) -> OrganisationOut:
        """An organisation, as routes give it."""
        return OrganisationOut(
            id=str(one.id),
            parent_id=str(one.parent_id) if one.parent_id in self._seen else None,
            path="/".join(self.path(one.id)) or one.name,
            updated=one.updated or one.created,
            **_alike(one, "key", "name", "kind", "position", "created"),
        )


async def surroundings(stores: Stores, member: Member, made: int = 0) -> Surroundings:
    """What this member may see of the tree, with what was made just now: his rights were read before."""
    within = member.organisations(Permission.ORGANISATION_VIEW)
    return Surroundings(await stores.organisation_tree().all(within | {made}))


def shown_department(one: Department, names: Sequence[str], above: Sequence[str]) -> DepartmentOut:
    """A department, by its names from the topmost down and those of its organisation."""
    return DepartmentOut(
        id=str(one.id),
        organisation_id=str(one.org_id),
        parent_id=_text(one.parent_id),
        leader_id=_text(one.leader_id),
        disabled=bool(one.disabled),
        level=len(names),
        path="/".join([*above, *names]),
        **_alike(one, "name", "code", "description", "position", "created", "updated"),
    )


def department_nodes(
    departments: Sequence[Department], employees: Mapping[int, int] | None, depth: int | None
) -> list[DepartmentNode]:
    """The tree of an organisation's departments, which come in the order of siblings."""
    below = _children(departments)

    def nodes(parent: int | None, level: int) -> list[DepartmentNode]:
        return [
            DepartmentNode(
                id=str(one.id),
                disabled=bool(one.disabled),
                level=level,
                leader_id=_text(one.leader_id),
                employees=None if employees is None else employees.get(one.id, 0),
                more=level == depth and one.id in below,
                departments=[] if level == depth else nodes(one.id, level + 1),
                **_alike(one, "name", "code"),
            )
            for one in below.get(parent, ())
        ]

    return nodes(None, 1)


def organisation_nodes(
    organisations: Sequence[Organisation],
    root: int | None,
    depth: int | None,
    employees: Mapping[int, int] | None,
    departments: Mapping[int, list[DepartmentNode]] | None,
) -> list[OrganisationNode]:
    """The tree of organisations, which come in the order of siblings; from the topmost ones there are, or from one."""
    known = {one.id for one in organisations}
    parents = {one.id: one.parent_id if one.parent_id in known else None for one in organisations}
    below = _children(organisations)
    tops = [one for one in organisations if (parents[one.id] is None if root is None else one.id == root)]

    def nodes(these: Collection[Organisation], level: int) -> list[OrganisationNode]:
        return [
            OrganisationNode(
                id=str(one.id),
                employees=None
                if employees is None
                else sum(employees.get(each, 0) for each in descendants(parents, [one.id])),
                more=level == depth and one.id in below,
                departments=None if departments is None else departments.get(one.id, []),
                organisations=[] if level == depth else nodes(below.get(one.id, []), level + 1),
                **_alike(one, "key", "name", "kind"),
            )
            for one in these
        ]

    return nodes(tops, 1)


def _children(rows: Sequence[Any]) -> dict[int | None, list[Any]]:
    found: dict[int | None, list[Any]] = {}
    for one in rows:
        found.setdefault(one.parent_id or None, []).append(one)
    return found


def _alike(row: Any, *words: str) -> dict[str, Any]:
    return {word: getattr(row, word) for word in words}


def _text(id_: int | None) -> str | None:
    return str(id_) if id_ else None
