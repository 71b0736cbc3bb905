"""Starts a program with less than this process may do, really: `python confined.py WHAT … -- COMMAND …`.

`uid=1000` gives up root (files stay readable, as this interpreter may lie in root's folder). `no-namespaces` and
`no-filters` have the kernel refuse what makes them, as a container's own filter does.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

_NO_NEW_PRIVS, _SECCOMP, _KEEP_CAPABILITIES, _AMBIENT, _RAISE = 38, 22, 8, 47, 2
_READ_SEARCH = 2
_CAPSET, _UNSHARE, _PRCTL = {"x86_64": (126, 272, 157), "aarch64": (91, 97, 167)}[os.uname().machine]
_EPERM = 0x00050001
_ALLOW = 0x7FFF0000

_libc = ctypes.CDLL(None, use_errno=True)


def _do(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def become(user: int) -> None:
    if os.geteuid() != 0:
        return
    _do(_libc.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    held = (ctypes.c_uint32 * 6)(*[1 << _READ_SEARCH] * 3, 0, 0, 0)
    _do(_libc.syscall(_CAPSET, (ctypes.c_uint32 * 2)(0x20080522, 0), held))
    _do(_libc.prctl(_AMBIENT, _RAISE, ctypes.c_ulong(_READ_SEARCH), 0, 0))


def refuse(number: int, first_argument: int | None = None) -> None:
    """Answer this system call with EPERM from here on."""
    wanted = [(0x15, 0, 3, number), (0x20, 0, 0, 16), (0x15, 0, 1, first_argument or 0), (0x06, 0, 0, _EPERM)]
    if first_argument is None:
        wanted = [(0x15, 0, 1, number), (0x06, 0, 0, _EPERM)]
    steps = [(0x20, 0, 0, 0), *wanted, (0x06, 0, 0, _ALLOW)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(held))
    _do(_libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
    _do(_libc.prctl(_SECCOMP, 2, ctypes.create_string_buffer(program, len(program)), 0, 0))


def main() -> None:
    border = sys.argv.index("--")
    for what in sys.argv[1:border]:
        if what.startswith("uid="):
            become(int(what.removeprefix("uid=")))
        elif what == "no-namespaces":
            refuse(_UNSHARE)
        elif what == "no-filters":
            refuse(_PRCTL, _SECCOMP)
    command = sys.argv[border + 1 :]
    os.execve(command[0], command, {})


if __name__ == "__main__":
    main()
