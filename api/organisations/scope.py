"""Whose organisations somebody may look at or change: what lies beyond does not exist for him."""

from __future__ import annotations

from collections.abc import Collection

from api.access import Member, Permission
from api.errors import PermissionDenied
from api.roles.powers import Place, check_not_beyond, permissions_of
from engine.errors import NotFound
from storage.ids import read_id
from storage.people.given import GivenRole, MayGive
from storage.stores import Stores
from storage.tables import Organisation


async def organisation_of(stores: Stores, ref: str, member: Member, permission: Permission) -> Organisation:
    """The organisation that a path names by its id or key. Raises `NotFound` where he has not this permission."""
    return await stores.organisation_tree().get(ref, member.organisations(permission))


def named(text: str, what: str, field: str) -> int:
    """The id that a field of the body holds. Raises `NotFound`: what cannot be an id is the id of nothing."""
    if (number := read_id(text)) is None:
        raise NotFound(f"There is no such {what}.", field=field, id=text[:64])
    return number


def check_also(member: Member, permission: Permission, org_id: int) -> None:
    """Whether he has a further permission there. Raises `PermissionDenied`."""
    if org_id not in member.organisations(permission):
        raise PermissionDenied(f"This needs the permission {permission.value} too.", permission=permission.value)


def giver(member: Member) -> MayGive:
    """Refuses what lets people have roles that he could not give them himself."""

    def check(roles: Collection[GivenRole]) -> None:
        for role in roles:
            if role.org_id not in member.organisations(Permission.ROLE_GRANT):
                raise PermissionDenied(
                    "People of this department have roles by it, and you may not give roles there.",
                    permission=Permission.ROLE_GRANT.value,
                )
            place = Place(role.org_id, role.space_id)
            check_not_beyond(member, permissions_of(role.role_id, role.permissions), place)

    return check


def opener(member: Member, org_id: int) -> MayGive:
    """Refuses that roles begin to hold in an organisation which let one do there what he may not himself: else whoever
    administrates one company could put another below it, and have that too.
    """

    def check(roles: Collection[GivenRole]) -> None:
        for role in roles:
            check_not_beyond(member, permissions_of(role.role_id, role.permissions), Place(org_id))

    return check
