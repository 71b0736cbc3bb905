"""What somebody may at a place, and where each permission comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from api.permissions import (
    BUILT_IN,
    OF_EVERYBODY,
    OF_ORGANISATIONS,
    OF_SPACES,
    OF_THE_INSTANCE,
    SPACE_ROLES,
    Permission,
)
from api.roles.powers import permissions_of
from storage.callers import descendants
from storage.role_grants import Source
from storage.spaces import Reach, Seat


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a permission comes from: it is everybody's, a membership's, or a role's."""

    kind: str
    role: str = ""
    expires: int | None = None
    source: Source | None = None


@dataclass
class Effect:
    """A permission, its origins, and the organisations in which it holds, if it is of those."""

    origins: list[Origin] = field(default_factory=list[Origin])
    org_ids: set[int] = field(default_factory=set[int])


def role_names(source: Source) -> tuple[str, str]:
    """Key and name of the role of a source."""
    built_in = BUILT_IN.get(source.role_id)
    return (source.role_key, source.role_name) if built_in is None else (built_in.key, built_in.name)


def effects(
    sources: Iterable[Source], parents: Mapping[int, int | None], seat: Seat | None
) -> dict[Permission, Effect]:
    """All that somebody may: everywhere in organisations, and in one space, where he sits or not.

    The same that `api.access` finds for a request; a test holds them together.
    """
    found: dict[Permission, Effect] = {one: Effect([Origin("everybody")]) for one in OF_EVERYBODY}

    def add(permissions: Iterable[Permission], origin: Origin, org_ids: Iterable[int] = ()) -> None:
        for one in permissions:
            effect = found.setdefault(one, Effect())
            effect.origins.append(origin)
            effect.org_ids |= {*org_ids}

    if seat is not None and seat.role:
        add(SPACE_ROLES[seat.role], Origin("membership", seat.role, seat.expires))
    for source in sources:
        granted = permissions_of(source.role_id, source.permissions)
        origin = Origin("role", role_names(source)[0], source.expires, source)
        where = descendants(parents, [source.org_id]) if source.org_id else frozenset({0, *parents})
        if source.space_id:
            if seat is not None and seat.space.id == source.space_id:
                add(granted & OF_SPACES, origin)
            continue
        if seat is not None and seat.space.kind == "team" and seat.space.org_id in where:
            add(granted & OF_SPACES, origin)
        if source.org_id:
            granted -= OF_THE_INSTANCE
        add(granted & (OF_ORGANISATIONS | OF_THE_INSTANCE), origin, where)
    return found


def reach_of(sources: Iterable[Source], parents: Mapping[int, int | None]) -> Reach:
    """The spaces that somebody may enter by roles alone."""
    spaces: set[int] = set()
    organisations: set[int] = set()
    for source in sources:
        if not permissions_of(source.role_id, source.permissions) & OF_SPACES:
            continue
        if source.space_id:
            spaces.add(source.space_id)
        else:
            organisations |= descendants(parents, [source.org_id]) if source.org_id else {*parents}
    return Reach(spaces, organisations)
