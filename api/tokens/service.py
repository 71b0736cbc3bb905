"""The rules around tokens: on whose behalf, for which spaces, and for how long."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import Request

from api.access import Gate, Member
from api.errors import PermissionDenied
from api.rates import Rates
from engine.errors import InvalidInput, NotFound
from storage.accounts import checked_email
from storage.callers import Caller
from storage.ids import read_id
from storage.stores import Stores
from storage.tables import Account

DAY_SECONDS: Final = 24 * 3_600
DEFAULT_DAYS: Final = 90
MOST_DAYS: Final = 365


class TokenService:
    """What routes of tokens and OAuth applications call where there is a rule to keep."""

    def __init__(self, stores: Stores, gate: Gate, bounds: Rates) -> None:
        self._stores = stores
        self._gate = gate
        self.bounds = bounds
        """How often tokens may ask of which nobody said anything else."""

    async def owner(self, member: Member, email: str | None) -> Account:
        """The account that somebody means: his own. The operator's token may mean any, by its address.

        Raises `InvalidInput`, `NotFound`, or `PermissionDenied` when it is another's.
        """
        if email:
            found = await self._stores.accounts.by_email(checked_email(email))
            if member.kind != "instance" and (found is None or found.id != member.account_id):
                # The same for whom there is and whom there is not.
                raise PermissionDenied("Nobody has tokens that act for somebody else.", field="account")
            if found is None:
                raise NotFound("There is no account with this address.", field="account")
            return found
        if not member.account_id:
            raise InvalidInput("Say for which account: this token has none.", field="account")
        return await self._stores.accounts.get(member.account_id)

    async def places(self, account: Account, spaces: Sequence[str], home: str | None) -> tuple[int, tuple[int, ...]]:
        """Where a token of an account is at home, and the spaces that it opens alone (none: all). Raises `NotFound`
        for a space that the account may not enter.
        """
        opened = tuple(dict.fromkeys([(await self._enter(account, one)).space_id for one in spaces]))
        where = home or (str(opened[0]) if opened else None)
        member = await self._enter(account, where)
        if opened and member.space_id not in opened:
            raise InvalidInput("A token is at home in one of the spaces that it opens.", field="space_id")
        if not member.space_id:
            raise InvalidInput("The account is in no space: say which one the token opens.", field="space_id")
        return member.space_id, opened

    async def _enter(self, account: Account, space: str | None) -> Member:
        if space is not None and read_id(space) is None:
            raise NotFound("There is no such space.", space_id=space[:64])
        caller = Caller("personal", 0, account.id, account.name, account.org_id, None)
        return await self._gate.stand(caller, space)


def in_days(days: int) -> int:
    """When so many days have passed, in UTC milliseconds."""
    return time.time_ns() // 1_000_000 + days * DAY_SECONDS * 1_000


async def _tokens(request: Request) -> TokenService:
    service: TokenService = request.app.state.tokens
    return service


TokensDep = Annotated[TokenService, Depends(_tokens)]
