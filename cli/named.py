"""Whom and what people name on the command line: by ids, and by the keys and addresses that they know better."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from cli.complaint import CommandFailed

if TYPE_CHECKING:
    from cli.http_client import ApiClient


async def organisation_named(client: ApiClient, named: str) -> str:
    """The id of an organisation, by its id or key. Nothing stays nothing, and `0` is the instance."""
    if not named or named.isdecimal():
        return named
    return str((await client.get(f"/organisations/{quote(named, safe='')}"))["id"])


async def space_named(client: ApiClient, named: str) -> str:
    """The id of a space, by its id, or by its key in one's own organisation."""
    if not named or named.isdecimal():
        return named
    return str((await client.get(f"/spaces/{quote(named, safe='')}"))["id"])


async def account_named(client: ApiClient, named: str) -> str:
    """The id of an account, by its id or e-mail address."""
    if not named or named.isdecimal():
        return named
    found = (await client.get("/accounts", email=named.strip()))["items"]
    if not found:
        raise CommandFailed(f"There is no account with the address {named}.")
    return str(found[0]["id"])
