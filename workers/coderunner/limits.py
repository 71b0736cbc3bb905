"""How much a task may take: what the kernel counts for each process."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Final

_MB: Final = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What one child may take of the machine."""

    cpu_seconds: int
    """Of computing."""
    memory_mb: int
    """Of address space, beyond what the zygote has."""


def impose(limits: Limits, taken_mb: int) -> None:
    """Limit this process for good; `taken_mb` is its address space now. Raises `OSError` or `ValueError`."""
    space = (taken_mb + limits.memory_mb) * _MB
    for kind, soft, hard in (
        (resource.RLIMIT_AS, space, space),
        # The first is a signal that ends the process, the second ends it for certain.
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1),
        (resource.RLIMIT_NPROC, 0, 0),
        (resource.RLIMIT_FSIZE, _MB, _MB),
        (resource.RLIMIT_NOFILE, 16, 16),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_STACK, 8 * _MB, 8 * _MB),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
    ):
        most = resource.getrlimit(kind)[1]
        within = hard if most == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(kind, (min(soft, within), within))


def imposed() -> bool:
    """Whether this process is limited in what it computes, takes and starts."""
    bounded = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)
    return (
        all(resource.getrlimit(kind)[0] != resource.RLIM_INFINITY for kind in bounded)
        and resource.getrlimit(resource.RLIMIT_NPROC) == (0, 0)
        and resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
    )


def address_space_mb() -> int:
    """What this process has now. Needs /proc."""
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    return pages * resource.getpagesize() // _MB
