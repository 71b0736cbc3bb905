"""Passwords: what may be one, and argon2id hashes of them, made beside the loop and never many at once."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from typing import TYPE_CHECKING, Final, TypeVar

from api.errors import NotServed

if TYPE_CHECKING:
    from collections.abc import Callable

    from argon2 import PasswordHasher

T = TypeVar("T")

MEMORY_KIB: Final = 19 * 1_024
PASSES: Final = 2
_AT_ONCE: Final = 2
"""Each takes its memory: so many, however many want to log in."""
_WAITING: Final = 64
"""What waits beyond is turned away: it would only wait for longer than anybody does."""
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""None that looks like another."""


class Passwords:
    """Hashes and compares. The parameters stand in the hash: what was made with others is still read."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES, at_once: int = _AT_ONCE) -> None:
        self._memory_kib = memory_kib
        self._passes = passes
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._under_way = 0
        self.hashed = 0
        """How often the work of a hash was done, compared or made."""

    async def hash(self, password: str) -> str:
        """The hash to keep. Raises `NotServed` when too many wait."""
        return await self._work(lambda: self._hasher.hash(password))

    async def matches(self, hashed: str, password: str) -> bool:
        """Whether it is the password. Without a hash it takes as long, and is none."""
        return await self._work(lambda: self._compare(hashed, password))

    def outdated(self, hashed: str) -> bool:
        """Whether it was made with other parameters than new ones are."""
        return self._hasher.check_needs_rehash(hashed)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        # Only where somebody logs in: it is not needed to start.
        from argon2 import PasswordHasher

        return PasswordHasher(time_cost=self._passes, memory_cost=self._memory_kib, parallelism=1)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe(24))

    def _compare(self, hashed: str, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            self._hasher.verify(hashed or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return bool(hashed)

    async def _work(self, job: Callable[[], T]) -> T:
        if self._under_way >= _WAITING:
            raise NotServed("Too many want to log in at this moment: try again soon.")
        self._under_way += 1
        self.hashed += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, job)
        finally:
            self._under_way -= 1


@cache
def _of_this_process() -> Passwords:
    return Passwords()


async def hash_password(password: str) -> str:
    """The argon2id hash to keep of a password."""
    return await _of_this_process().hash(password)


def one_time_password() -> str:
    """A random password of 24 letters and digits, for who will choose another one at once."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(6)) for _ in range(4))
