"""The accounts of an organisation and of those below it: for who administrates them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from api.access import Member, Permission, require
from api.accounts.schemas import (
    AccountId,
    AccountOut,
    AccountPage,
    NewAccountIn,
    NewAccountOut,
    OneTimePassword,
    OnlyDisabled,
    OnlyEmail,
    OnlyOrganisation,
    Search,
    fields_of,
    shown,
)
from api.accounts.service import AccountsDep
from api.actors import ActorDep
from api.errors import PermissionDenied
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from api.reading import small_route
from engine.errors import InvalidInput, NotFound
from storage.accounts import NewAccount, checked_email
from storage.ids import parse_id

router = APIRouter(prefix="/accounts", tags=["accounts"], route_class=small_route)

Viewer = Annotated[Member, require(Permission.ACCOUNT_VIEW, anywhere=True)]
Creator = Annotated[Member, require(Permission.ACCOUNT_CREATE, anywhere=True)]
Disabler = Annotated[Member, require(Permission.ACCOUNT_DISABLE, anywhere=True)]
# Whoever has the password is that person: no token may come by one.
Resetter = Annotated[Member, require(Permission.ACCOUNT_RESET_PASSWORD, session=True, anywhere=True)]


@router.get("", responses=problems(401, 403, 404, 422))
async def list_accounts(
    member: Viewer,
    stores: StoresDep,
    search: Search = "",
    email: OnlyEmail = None,
    disabled: OnlyDisabled = None,
    organisation: OnlyOrganisation = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> AccountPage:
    """List the accounts of the organisations that one reaches, the newest first."""
    where = member.organisations(Permission.ACCOUNT_VIEW)
    if organisation is not None:
        where = frozenset({_within(organisation, member, Permission.ACCOUNT_VIEW)})
    page = await stores.accounts.page(
        where, search=search, email=_address(email), disabled=disabled, cursor=cursor, limit=limit
    )
    return AccountPage(items=[shown(one) for one in page.items], next_cursor=page.next)


@router.post("", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503))
async def create_account(body: NewAccountIn, member: Creator, actor: ActorDep, accounts: AccountsDep) -> NewAccountOut:
    """Make an account for somebody, with a password that has to be changed at the first login."""
    org_id = member.org_id
    if body.organisation_id is not None or org_id not in member.organisations(Permission.ACCOUNT_CREATE):
        org_id = _within(body.organisation_id or str(org_id), member, Permission.ACCOUNT_CREATE)
    new = NewAccount(org_id, body.email, body.name, created_by=member.account_id, locale=body.locale)
    account, given = await accounts.create(new, body.password, actor)
    return NewAccountOut(**fields_of(account), one_time_password=given or None)


@router.get("/{account}", responses=problems(401, 403, 404))
async def get_account(account: AccountId, member: Viewer, stores: StoresDep) -> AccountOut:
    """One account."""
    reach = member.organisations(Permission.ACCOUNT_VIEW)
    return shown(await stores.accounts.get(parse_id(account, "account"), reach))


@router.post("/{account}/disable", responses=problems(401, 403, 404, 409))
async def disable_account(
    account: AccountId, member: Disabler, actor: ActorDep, accounts: AccountsDep, stores: StoresDep
) -> AccountOut:
    """Let nobody log in with an account any more. Its sessions end and its tokens open nothing, from now on.

    The last administrator of the instance cannot be disabled.
    """
    found = await accounts.of_others(parse_id(account, "account"), member, Permission.ACCOUNT_DISABLE)
    return shown(await stores.accounts.set_disabled(found, True, actor))


@router.post("/{account}/enable", responses=problems(401, 403, 404))
async def enable_account(
    account: AccountId, member: Disabler, actor: ActorDep, accounts: AccountsDep, stores: StoresDep
) -> AccountOut:
    """Let an account be used again; its tokens that have not expired open again."""
    found = await accounts.of_others(parse_id(account, "account"), member, Permission.ACCOUNT_DISABLE)
    return shown(await stores.accounts.set_disabled(found, False, actor))


@router.post("/{account}/reset-password", responses=problems(401, 403, 404, 503))
async def reset_password(
    account: AccountId, member: Resetter, actor: ActorDep, accounts: AccountsDep
) -> OneTimePassword:
    """Give an account a new password, which is shown this once and has to be changed at the next login.

    Its sessions end. Of an account that holds roles beyond one's own reach nobody resets the password, and nobody who
    is logged in resets his own: to change that, one has to know it.
    """
    if member.kind == "session" and parse_id(account, "account") == member.account_id:
        # Else whoever comes to an open browser could keep the account.
        raise PermissionDenied("Change your own password with the one that you have.")
    found = await accounts.of_others(parse_id(account, "account"), member, Permission.ACCOUNT_RESET_PASSWORD)
    return OneTimePassword(one_time_password=await accounts.reset_password(found, actor))


def _within(organisation: str, member: Member, permission: Permission) -> int:
    """The id of an organisation that is reached. Raises `NotFound`."""
    org_id = parse_id(organisation, "organisation")
    # 0 stands for the instance, and is nobody's home.
    if not org_id or org_id not in member.organisations(permission):
        raise NotFound("There is no such organisation.", organisation_id=organisation[:64])
    return org_id


def _address(email: str | None) -> str | None:
    if email is None:
        return None
    try:
        return checked_email(email)
    except InvalidInput:
        # What is no address is nobody's.
        return ""
