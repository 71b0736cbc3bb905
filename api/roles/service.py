"""The rules around roles: what may stand in one, who may give it where, and what somebody may in the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from api.access import Member
from api.errors import PermissionDenied
from api.permissions import BUILT_IN, INSTANCE_ADMIN, OF_ORGANISATIONS, OF_SPACES, BuiltInRole, Permission
from api.roles.powers import Place, check_not_beyond, permissions_of
from api.roles.schemas import GrantIn, RoleChange, RoleIn
from api.spaces.service import check_future
from engine.errors import Conflict, InvalidInput, NotFound
from storage.audit import Actor
from storage.ids import parse_id, read_id
from storage.role_grants import Grant, GrantRepository, MayTake, NewGrant
from storage.roles import NewRole, RoleRepository, above
from storage.spaces import SpaceRepository
from storage.stores import Stores
from storage.tables import Role
from storage.tables.identity import SubjectKind

INSTANCE = 0

Enter = Callable[[int], Awaitable[Member]]
"""Who asks, in another space. Raises `NotFound` when he may not enter it."""

_GRANTABLE = {"organisation": OF_ORGANISATIONS, "space": OF_SPACES}
_BY_KEY = {role.key: role for role in BUILT_IN.values()}


@dataclass(frozen=True, slots=True)
class Roles:
    """Roles, for whoever asks."""

    member: Member
    stores: Stores
    actor: Actor

    # --- roles --------------------------------------------------------------------------------------------------------

    async def visible(self, permission: Permission = Permission.ROLE_VIEW) -> frozenset[int]:
        """The organisations whose roles he sees: where he has the permission, and above, whose roles hold there too."""
        here = self.member.organisations(permission)
        return above(await self._roles.parents(), here) | here

    async def holding_in(self, organisation: str) -> frozenset[int]:
        """The organisations whose roles can be given in one that he sees. Raises `NotFound`."""
        org_id = await self._organisation(organisation, Permission.ROLE_VIEW)
        return above(await self._roles.parents(), [org_id])

    async def get(self, ref: str, permission: Permission = Permission.ROLE_VIEW) -> Role | BuiltInRole:
        """A role that he sees, by its id or the key of a built-in one. Raises `NotFound`."""
        if (built_in := built_in_role(ref)) is not None:
            return built_in
        return await self._roles.get(parse_id(ref, "role"), await self.visible(permission))

    async def create(self, body: RoleIn) -> Role:
        """A role of an organisation, with nothing in it that he has not there himself."""
        org_id = await self._organisation(body.organisation_id, Permission.ROLE_CREATE)
        wanted = self._checked(body.permissions, body.domain, org_id)
        new = NewRole(org_id, body.name, body.domain, wanted, body.key, body.description)
        return await self._roles.create(new, self.actor)

    async def change(self, ref: str, body: RoleChange) -> Role:
        """Change a role. What it then lets one do is nothing that he has not himself where it may be given."""
        mine = self.member.organisations(Permission.ROLE_EDIT)
        role = await self._own(ref, mine)
        if role.revision != body.revision:
            raise Conflict("The role has changed since you opened it.", revision=role.revision)
        changes = body.model_dump(exclude_none=True, exclude={"revision"})
        if body.permissions is not None or body.disabled is not None:
            # Nor does he take away what he has not.
            check_not_beyond(self.member, _held(role), Place(role.org_id))
        if body.permissions is not None:
            changes["permissions"] = self._checked(body.permissions, role.domain, role.org_id)
        return await self._roles.change(role.id, mine, changes, revision=body.revision, actor=self.actor)

    async def delete(self, ref: str) -> None:
        """Take a role away that nobody has. Raises `NotFound` or `Conflict`."""
        mine = self.member.organisations(Permission.ROLE_DELETE)
        await self._roles.delete((await self._own(ref, mine)).id, mine, self.actor)

    # --- grants -------------------------------------------------------------------------------------------------------

    async def grant(self, ref: str, body: GrantIn, enter: Enter) -> Grant:
        """Give a role, to nobody of another tree, and with nothing in it that he has not there himself."""
        if bool(body.account_id) == bool(body.department_id):
            raise InvalidInput("Name an account or a department.", field="account_id")
        check_future(body.expires)
        kind: SubjectKind = "account" if body.account_id else "department"
        subject = parse_id(body.account_id or body.department_id, kind)
        role = await self.get(ref, Permission.ROLE_GRANT)
        place = await self._place(body, enter)
        await self._check_holds(role, place)
        check_not_beyond(self.member, _held(role), place)
        return await self._grants.give(_new(role, kind, subject, place, body.expires), self.actor)

    async def take(self, grant: str, enter: Enter) -> None:
        """Take a grant back, of a role that lets one do nothing that he may not there himself."""
        number = parse_id(grant, "grant")
        here = self.member.organisations(Permission.ROLE_GRANT)
        found = await self._grants.get(number)
        if found.org_id not in here:
            raise NotFound("There is no such grant.", grant_id=grant)
        inside = await _inside(enter, found.space_id)
        await self._grants.take(number, here, self.actor, await self._may_take([found.role_id], inside))

    async def assign(self, account: str, organisation: str, refs: Sequence[str]) -> list[Grant]:
        """Let an account have exactly these roles in an organisation; those in single spaces stay as they are."""
        org_id = await self._organisation(organisation, Permission.ROLE_GRANT)
        account_id, place = parse_id(account, "account"), Place(org_id)
        roles = [await self.get(ref, Permission.ROLE_GRANT) for ref in dict.fromkeys(refs)]
        for role in roles:
            await self._check_holds(role, place)
        known = await self._all(Permission.ROLE_GRANT, account_id, org_id)
        had = {one.role_id for one in known}
        for role in roles:
            if role.id not in had:
                check_not_beyond(self.member, _held(role), place)
        wanted = [_new(one, "account", account_id, place) for one in roles]
        may = await self._may_take(had, frozenset())
        return await self._grants.assign(account_id, org_id, wanted, self.actor, may)

    async def assigned(self, account: str, organisation: str) -> list[Grant]:
        """What an account is given in an organisation, those in single spaces aside."""
        org_id = await self._organisation(organisation, Permission.ROLE_VIEW)
        account_id = parse_id(account, "account")
        given = await self._all(Permission.ROLE_VIEW, account_id, org_id)
        if not given:
            # Who has nothing here exists only for those who see where he is at home.
            await self.stores.accounts.get(account_id, self.member.organisations(Permission.ROLE_VIEW))
        return given

    # --- within -------------------------------------------------------------------------------------------------------

    @property
    def _roles(self) -> RoleRepository:
        return RoleRepository(self.stores.database)

    @property
    def _grants(self) -> GrantRepository:
        return GrantRepository(self.stores.database)

    async def _own(self, ref: str, org_ids: frozenset[int]) -> Role:
        if built_in_role(ref) is not None:
            raise Conflict("A built-in role stays as it is.")
        number = parse_id(ref, "role")
        role = await self._roles.get(number, await self.visible() | org_ids)
        if role.org_id not in org_ids:
            raise PermissionDenied("The role belongs to an organisation above: it is changed there.")
        return role

    def _checked(self, texts: Iterable[str], domain: str, org_id: int) -> frozenset[Permission]:
        """The permissions of a role to be. Raises `InvalidInput` or `PermissionDenied`."""
        wanted: set[Permission] = set()
        for text in texts:
            one = Permission._value2member_map_.get(text)
            if not isinstance(one, Permission):
                raise InvalidInput(f"There is no permission {text}.", field="permissions", permission=text)
            if one not in _GRANTABLE[domain]:
                raise InvalidInput(_why_not(one, domain), field="permissions", permission=text)
            wanted.add(one)
        check_not_beyond(self.member, wanted, Place(org_id))
        return frozenset(wanted)

    async def _organisation(self, given: str, permission: Permission) -> int:
        here = self.member.organisations(permission)
        if given:
            org_id = read_id(given)
        elif self.member.account_id:
            org_id = await SpaceRepository(self.stores.database).home_of(self.member.account_id)
        else:
            org_id = self.member.org_id
        if org_id is None or org_id not in here:
            raise NotFound("There is no such organisation.", organisation_id=given[:64])
        return org_id

    async def _place(self, body: GrantIn, enter: Enter) -> Place:
        if not body.space_id:
            return Place(await self._organisation(body.organisation_id, Permission.ROLE_GRANT))
        space_id = parse_id(body.space_id, "space")
        space = await SpaceRepository(self.stores.database).get(space_id)
        if space.org_id not in self.member.organisations(Permission.ROLE_GRANT):
            raise NotFound("There is no such space.", space_id=body.space_id)
        if body.organisation_id and read_id(body.organisation_id) != space.org_id:
            raise InvalidInput("The space is of another organisation: leave that out.", field="organisation_id")
        return Place(space.org_id, space_id, await _inside(enter, space_id))

    async def _check_holds(self, role: Role | BuiltInRole, place: Place) -> None:
        """Raises when the role cannot be given there at all."""
        if place.space_id and role.domain != "space":
            raise InvalidInput("Only roles of spaces hold in one space alone.", field="space_id")
        if role.id == INSTANCE_ADMIN and place.org_id != INSTANCE:
            raise InvalidInput("That role is of the instance: its organisation is 0.", field="organisation_id")
        if isinstance(role, BuiltInRole):
            return
        if role.disabled:
            raise Conflict("The role is disabled.", role_id=str(role.id))
        parents = await self._roles.parents()
        if place.org_id == INSTANCE or role.org_id not in above(parents, [place.org_id]):
            raise NotFound("There is no such role.", role_id=str(role.id))

    async def _may_take(self, role_ids: Iterable[int], inside: frozenset[Permission]) -> MayTake:
        everywhere = {*await self._roles.parents()}
        held: dict[int, tuple[str, frozenset[Permission]]] = {
            one.id: (one.name, one.permissions) for one in BUILT_IN.values()
        }
        for one in role_ids:
            if one not in held:
                role = await self._roles.get(one, everywhere)
                held[one] = role.name, _held(role)

        def may(role_id: int, org_id: int, space_id: int) -> str:
            if role_id not in held:
                # Given after we have looked, by somebody else.
                raise Conflict("The roles have changed meanwhile: try again.")
            name, permissions = held[role_id]
            check_not_beyond(self.member, permissions, Place(org_id, space_id, inside))
            return name

        return may

    async def _all(self, permission: Permission, account_id: int, org_id: int) -> list[Grant]:
        here = frozenset({org_id}) & self.member.organisations(permission)
        page = await self._grants.page(here, subject=("account", account_id), space_id=0, limit=200)
        return page.items


def built_in_role(ref: str) -> BuiltInRole | None:
    """A built-in role by its id or key."""
    number = read_id(ref)
    return _BY_KEY.get(ref) if number is None else BUILT_IN.get(number)


def _held(role: Role | BuiltInRole) -> frozenset[Permission]:
    if isinstance(role, BuiltInRole):
        return role.permissions
    return permissions_of(role.id, map(str, role.permissions or ()))


def _new(
    role: Role | BuiltInRole, kind: SubjectKind, subject: int, place: Place, expires: int | None = None
) -> NewGrant:
    revision = 0 if isinstance(role, BuiltInRole) else role.revision
    return NewGrant(role.id, role.name, revision, kind, subject, place.org_id, place.space_id, expires)


def _why_not(one: Permission, domain: str) -> str:
    match one.domain:
        case "self":
            return f"Everybody has {one.value}: it stands in no role."
        case "instance":
            return f"{one.value} is of the instance: no role of an organisation can have it."
        case other:
            return f"{one.value} is a permission of {other}s, and the role is one of {domain}s."


async def _inside(enter: Enter, space_id: int) -> frozenset[Permission]:
    if not space_id:
        return frozenset()
    try:
        return (await enter(space_id)).permissions
    except NotFound:
        # He is not in it: what he may there he may by what he has in the organisation.
        return frozenset()
