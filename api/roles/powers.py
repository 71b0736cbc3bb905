"""Nobody gives what he has not: which permissions a role holds, and which of them somebody lacks at a place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import JsonValue

from api.access import Member
from api.errors import PermissionDenied
from api.permissions import BUILT_IN, OF_SPACES, SPACE_ROLES, Permission, read_permissions


@dataclass(frozen=True, slots=True)
class Place:
    """Where a role shall hold: in an organisation and below (0: the instance), or in one space."""

    org_id: int
    space_id: int = 0
    inside: frozenset[Permission] = frozenset()
    """What who asks may in that space."""


def permissions_of(role_id: int, texts: Iterable[str] = ()) -> frozenset[Permission]:
    """What a role lets one do; `texts` are those of a role that an organisation made."""
    built_in = BUILT_IN.get(role_id)
    return read_permissions(texts) if built_in is None else built_in.permissions


def lacking(member: Member, permissions: Iterable[Permission], place: Place) -> list[Permission]:
    """Which of these permissions somebody has not himself, there.

    Who manages the spaces of an organisation may become an owner of each: he has what there is in spaces.
    """
    manages = place.org_id in member.organisations(Permission.SPACE_MANAGE)

    def has(one: Permission) -> bool:
        if one in OF_SPACES:
            return manages or one in place.inside
        return place.org_id in member.organisations(one)

    return sorted(one for one in permissions if not has(one))


def check_not_beyond(member: Member, permissions: Iterable[Permission], place: Place) -> None:
    """Raises `PermissionDenied` when somebody would give, or take, more than he has himself there."""
    if missing := lacking(member, permissions, place):
        listed = ", ".join(one.value for one in missing[:5]) + (", …" if len(missing) > 5 else "")
        facts: list[JsonValue] = [one.value for one in missing]
        raise PermissionDenied(f"That is more than you may yourself there: {listed}.", permissions=facts)


def dealing(member: Member) -> Callable[[str], None]:
    """For the members of the space that somebody is in: raises `PermissionDenied` for a role above what he may there,
    to whomever it belongs or shall belong.
    """

    def may(role: str) -> None:
        if Permission.SPACE_MANAGE in member.permissions:
            return
        if SPACE_ROLES[role] - member.permissions:
            raise PermissionDenied(f"That is about the role {role}, which may more than you here.", role=role)

    return may
