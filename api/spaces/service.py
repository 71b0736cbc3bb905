"""The rules around spaces: whose they are, who may let whom in, and as what."""

from __future__ import annotations

from api.access import Member
from api.errors import PermissionDenied
from api.permissions import Permission
from api.roles.effective import reach_of
from api.roles.powers import dealing
from api.spaces.schemas import InvitationIn, MemberChange, SpaceIn
from engine.errors import InvalidInput, NotFound
from storage.accounts import checked_email
from storage.audit import Actor
from storage.clock import now_ms
from storage.ids import parse_id, read_id
from storage.paging import Page
from storage.role_grants import GrantRepository
from storage.roles import RoleRepository
from storage.space_members import Invitation, Invited, Membership, SpaceMembers
from storage.spaces import NewSpace, Seat, SpaceRepository
from storage.stores import Stores


async def spaces_of(
    member: Member, stores: Stores, *, everything: bool, deleted: bool, search: str, cursor: str | None, limit: int
) -> Page[Seat]:
    """The spaces that somebody may enter; with `everything` all of the organisations whose spaces he manages."""
    spaces, me = SpaceRepository(stores.database), member.account_id
    if everything or deleted or member.kind == "instance":
        managed = member.organisations(Permission.SPACE_MANAGE)
        if not managed:
            wanted = Permission.SPACE_MANAGE
            raise PermissionDenied(f"This needs the permission {wanted.value}.", permission=wanted.value)
        return await spaces.all(me, managed, deleted=deleted, search=search, cursor=cursor, limit=limit)
    sources = await GrantRepository(stores.database).sources(member.account_id)
    reach = reach_of(sources, await RoleRepository(stores.database).parents())
    return await spaces.mine(me, reach=reach, only=member.spaces, search=search, cursor=cursor, limit=limit)


async def create_space(body: SpaceIn, member: Member, actor: Actor, stores: Stores) -> Seat:
    """Make a team space, at home or where one manages spaces. Raises `NotFound`, `PermissionDenied` or `Conflict`."""
    if member.spaces:
        raise PermissionDenied("What you sent opens certain spaces only: with it no others are made.")
    spaces = SpaceRepository(stores.database)
    home = await spaces.home_of(member.account_id) if member.account_id else member.org_id
    managed = member.organisations(Permission.SPACE_MANAGE)
    org_id = parse_id(body.organisation_id, "organisation") if body.organisation_id else home
    if org_id != home and (org_id == 0 or org_id not in managed):
        raise NotFound("There is no such organisation.", organisation_id=body.organisation_id)
    owner = member.account_id
    if body.owner:
        if org_id not in managed:
            raise PermissionDenied("Who may manage spaces makes them for others.", field="owner")
        owner = await spaces.account_in(org_id, _who(body.owner))
    new = NewSpace(org_id, owner, body.name, body.key, body.description, body.icon)
    made = await spaces.create(new, actor)
    return await spaces.seat(made.id, member.account_id)


async def invite(
    invitations: list[InvitationIn], member: Member, actor: Actor, stores: Stores
) -> list[tuple[InvitationIn, Invited]]:
    """Let people into the space that the member is in, none of them above what he may himself."""
    may = dealing(member)
    wanted: list[Invitation] = []
    for one in invitations:
        may(one.role)
        check_future(one.expires)
        if one.account_id:
            # What cannot be an id is nobody's.
            wanted.append(Invitation(one.role, read_id(one.account_id) or 0, "", one.expires))
        else:
            wanted.append(Invitation(one.role, None, checked_email(one.email), one.expires))
    done = await SpaceMembers(stores.database, member.space_id).invite(wanted, actor)
    return [*zip(invitations, done, strict=True)]


async def change_member(
    account_id: int, body: MemberChange, member: Member, actor: Actor, stores: Stores
) -> Membership:
    """Change what somebody is in the space that the member is in, and until when."""
    given = body.model_fields_set
    expires = body.expires if "expires" in given else 0
    if expires != 0:
        check_future(expires)
    members = SpaceMembers(stores.database, member.space_id)
    return await members.change(account_id, actor, dealing(member), role=body.role, expires=expires)


async def transfer(account: str, member: Member, actor: Actor, stores: Stores) -> Membership:
    """Let the space that the member is in belong to somebody else."""
    to = await SpaceRepository(stores.database).account_in(member.org_id, _who(account))
    return await SpaceMembers(stores.database, member.space_id).transfer(to, actor)


def check_future(expires: int | None) -> None:
    """Raises `InvalidInput` for an end that has been."""
    if expires is not None and expires <= now_ms():
        raise InvalidInput("The end lies in the past.", field="expires")


def _who(text: str) -> int | str:
    number = read_id(text)
    return checked_email(text) if number is None else number
