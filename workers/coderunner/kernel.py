"""The few calls to the Linux kernel for which Python has no words."""

from __future__ import annotations

import ctypes
import os
from typing import Final

from workers.coderunner.syscalls import this_machine

NEW_USER, NEW_MOUNTS, NEW_PIDS, NEW_NET = 0x10000000, 0x00020000, 0x20000000, 0x40000000
NEW_IPC, NEW_UTS, NEW_CGROUP = 0x08000000, 0x04000000, 0x02000000
READ_ONLY, NO_SUID, NO_DEV, NO_EXEC, REMOUNT, RECURSIVE, PRIVATE = 1, 2, 4, 8, 32, 0x4000, 1 << 18

_DETACH: Final = 2
_PDEATHSIG, _SET_DUMPABLE, _GET_DUMPABLE, _BOUNDING_DROP, _SUBREAPER = 1, 4, 3, 24, 36
_NO_NEW_PRIVS, _GET_NO_NEW_PRIVS, _AMBIENT, _AMBIENT_CLEAR = 38, 39, 47, 4
_CAPABILITIES: Final = 0x20080522
"""The version of the structure of capabilities."""

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def prctl(option: int, *arguments: int) -> int:
    """One of the many switches of a process."""
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(_libc.prctl(option, *padded))


def die_with_parent(signal: int) -> None:
    """Get this signal when the parent's thread that started this process ends. Changing the user undoes it."""
    prctl(_PDEATHSIG, signal)


def adopt_orphans() -> None:
    """Become the parent of grandchildren whose parents end."""
    prctl(_SUBREAPER, 1)


def set_dumpable(dumpable: bool) -> None:
    """Whether others of the same user may look into this process."""
    prctl(_SET_DUMPABLE, int(dumpable))


def dumpable() -> bool:
    """Whether they may."""
    return prctl(_GET_DUMPABLE) != 0


def forbid_new_privileges() -> None:
    """No program that is started can have more rights; a filter of system calls needs this."""
    prctl(_NO_NEW_PRIVS, 1)


def no_new_privileges() -> bool:
    """Whether that is so."""
    return prctl(_GET_NO_NEW_PRIVS) == 1


def unshare(flags: int) -> None:
    """Leave namespaces for new ones; for those of processes, the next child does."""
    _checked(_libc.unshare(flags))


def mount(kind: str | None, target: str, flags: int, data: str | None = None) -> None:
    """Mount a file system that has no source, or change how one is mounted."""
    encoded = [None if text is None else text.encode() for text in (kind, data)]
    _checked(_libc.mount(b"none", target.encode(), encoded[0], ctypes.c_ulong(flags), encoded[1]))


def pivot_into(folder: str) -> None:
    """Make the file system mounted at `folder` the root, and let go of all others."""
    machine = this_machine()
    if machine is None:
        raise OSError("There is no number for pivot_root on this kind of processor")
    os.chdir(folder)
    # Onto itself: the old root lies on top of the new one until it is let go, so that no folder is needed for it.
    _checked(_libc.syscall(machine.pivot_root, b".", b"."))
    _checked(_libc.umount2(b".", _DETACH))
    os.chdir("/")


def bound_capabilities() -> None:
    """Let no program that is started gain any. Before the user changes: afterwards there is no right to it."""
    for capability in range(64):
        try:
            prctl(_BOUNDING_DROP, capability)
        except OSError:  # there are no more of them, or we have no right to this, and then little to lose either
            break
    prctl(_AMBIENT, _AMBIENT_CLEAR)


def drop_capabilities() -> None:
    """Give up all that this process has."""
    machine = this_machine()
    if machine is None:
        raise OSError("There is no number for capset on this kind of processor")
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    _checked(_libc.syscall(machine.capset, header, (ctypes.c_uint32 * 6)()))


def has_capabilities() -> bool:
    """Whether this process may do anything that not everybody may."""
    machine = this_machine()
    if machine is None:
        return os.geteuid() == 0
    header, held = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    _checked(_libc.syscall(machine.capget, header, held))
    return any(held)


def set_host_name(name: bytes) -> None:
    """What the machine is called in this namespace."""
    _checked(_libc.sethostname(name, len(name)))
