"""The system calls that a task may make, by their numbers on each machine that we know."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

# name → number on x86-64, number on aarch64 (None: there is none). Nothing here opens, connects, starts, signals or
# asks the kernel for a new kind of thing; what is missing is answered with EPERM.
_ALLOWED: Final[dict[str, tuple[int, int | None]]] = {
    "brk": (12, 214),
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "close": (3, 57),
    "epoll_ctl": (233, 21),
    "epoll_pwait": (281, 22),
    "epoll_wait": (232, None),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "fstat": (5, 80),
    "futex": (202, 98),
    "getegid": (108, 177),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "gettid": (186, 178),
    "gettimeofday": (96, 169),
    "getuid": (102, 174),
    "lseek": (8, 62),
    "madvise": (28, 233),
    "membarrier": (324, 283),
    "mremap": (25, 216),
    "munmap": (11, 215),
    "nanosleep": (35, 101),
    "poll": (7, None),
    "ppoll": (271, 73),
    "pselect6": (270, 72),
    "read": (0, 63),
    "readv": (19, 65),
    "restart_syscall": (219, 128),
    "rseq": (334, 293),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_getaffinity": (204, 123),
    "sched_yield": (24, 124),
    "select": (23, None),
    "sigaltstack": (131, 132),
    "time": (201, None),
    "times": (100, 153),
    "write": (1, 64),
    "writev": (20, 66),
}
# Allowed unless they ask for memory that can be executed.
_MEMORY: Final[dict[str, tuple[int, int | None]]] = {"mmap": (9, 222), "mprotect": (10, 226)}
# Allowed for looking at one's own limits: no process named, and nothing to set.
_LIMITS: Final[dict[str, tuple[int, int | None]]] = {"prlimit64": (302, 261)}

# What we call ourselves, before the filter.
_OWN: Final[dict[str, tuple[int, int]]] = {"pivot_root": (155, 41), "capset": (126, 91), "capget": (125, 90)}


@dataclass(frozen=True)
class Machine:
    """A kind of processor: how the kernel calls it, and its numbers."""

    audit: int
    x32: bool
    """Whether there is a second table of calls, which begins at 0x40000000."""
    allowed: tuple[int, ...]
    memory: tuple[int, ...]
    limits: tuple[int, ...]
    pivot_root: int
    capset: int
    capget: int


def _machine(audit: int, column: int) -> Machine:
    def numbers(table: dict[str, tuple[int, int | None]]) -> tuple[int, ...]:
        return tuple(number for row in table.values() if (number := row[column]) is not None)

    own = {name: row[column] for name, row in _OWN.items()}
    return Machine(audit, column == 0, numbers(_ALLOWED), numbers(_MEMORY), numbers(_LIMITS), **own)


MACHINES: Final = {"x86_64": _machine(0xC000003E, 0), "aarch64": _machine(0xC00000B7, 1)}


def this_machine() -> Machine | None:
    """The machine that we are on, where we know it."""
    return MACHINES.get(os.uname().machine)
