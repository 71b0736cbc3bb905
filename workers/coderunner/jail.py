"""The jail of a zygote: namespaces of its own, nothing in them, and no right to anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from workers.coderunner import kernel

NOBODY: Final = 65534
NAMESPACES: Final = {
    "mnt": kernel.NEW_MOUNTS,
    "pid": kernel.NEW_PIDS,
    "net": kernel.NEW_NET,
    "ipc": kernel.NEW_IPC,
    "uts": kernel.NEW_UTS,
}
_FURTHER: Final = {"cgroup": kernel.NEW_CGROUP}
_STEPPING_STONES: Final = ("/tmp", "/usr", "/proc")  # noqa: S108 - nothing is written there: one is covered, unseen by all others
_BARE: Final = kernel.NO_SUID | kernel.NO_DEV | kernel.NO_EXEC


@dataclass
class Jail:
    """What has come of closing it. Each step that the kernel refuses is told, not hidden: somebody decides on it."""

    refused: dict[str, str] = field(default_factory=dict)
    """Step → what the kernel said."""
    _outside: Mapping[str, str] = field(default_factory=lambda: _namespaces())

    def leave_namespaces(self) -> None:
        """First: from here on, what this process starts is PID 1 of a world of its own. It must not live on itself."""
        flags = sum(NAMESPACES.values())
        further = sum(_FURTHER.values())
        # A kernel without namespaces for control groups refuses the whole call; so may one without right to them.
        if self._try("namespaces", kernel.unshare, flags | further) or self._try("namespaces", kernel.unshare, flags):
            return
        user, group = NOBODY, NOBODY
        if os.geteuid() == 0:
            # Root without the right to make namespaces: better nobody's of a user namespace than root's of one.
            if not self._try("user", _become_nobody):
                return
            kernel.set_dumpable(True)  # or the maps belong to root
        else:
            user, group = os.geteuid(), os.getegid()
        privileged = self.refused.pop("namespaces")
        for wanted in (flags | further, flags):
            if self._try("namespaces", kernel.unshare, kernel.NEW_USER | wanted):
                self._try("user", _map, user, group)
                return
        if self.refused["namespaces"] != privileged:
            self.refused["namespaces"] += f"; without a user namespace: {privileged}"

    def close(self) -> None:
        """Then, as PID 1: an empty root, nobody's user, no rights. Nothing that is open already is closed."""
        if "namespaces" not in self.refused:
            self.refused |= {} if self._differs("mnt") else {"root": "still in the mount namespace of all"}
            if "root" not in self.refused:
                self._try("root", _empty_root)
            self._try("name", kernel.set_host_name, b"jail")
        self._try("capabilities", kernel.bound_capabilities)
        if os.geteuid() == 0:
            self._try("user", _become_nobody)
        self._try("capabilities", kernel.drop_capabilities)
        self._try("privileges", kernel.forbid_new_privileges)
        self._try("dumpable", kernel.set_dumpable, False)

    def entered(self) -> dict[str, bool]:
        """Which namespaces are others than those of the process that began. To be asked before `close`."""
        return {name: self._differs(name) for name in (*NAMESPACES, *_FURTHER, "user")}

    def _differs(self, name: str) -> bool:
        now = _namespaces()
        return name in now and name in self._outside and now[name] != self._outside[name]

    def _try(self, step: str, do: Callable[..., None], *arguments: object) -> bool:
        try:
            do(*arguments)
        except OSError as error:
            self.refused[step] = f"{step}: {error.strerror or error}".lower()
            return False
        self.refused.pop(step, None)
        return True


def _namespaces() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in (*NAMESPACES, *_FURTHER, "user"):
        try:
            found[name] = os.readlink(f"/proc/self/ns/{name}")
        except OSError:  # no such kind, or no /proc: then nobody can say that it differs
            continue
    return found


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _map(user: int, group: int) -> None:
    """Inside of the user namespace we are nobody; outside we stay who we are."""
    for name, line in (("setgroups", "deny"), ("gid_map", f"{NOBODY} {group} 1"), ("uid_map", f"{NOBODY} {user} 1")):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def _empty_root() -> None:
    # What we mount must not show up outside, nor what is mounted outside here.
    kernel.mount(None, "/", kernel.RECURSIVE | kernel.PRIVATE)
    kernel.mount("tmpfs", _stepping_stone(), _BARE, "size=64k,nr_inodes=4,mode=755")
    kernel.pivot_into(_stepping_stone())
    kernel.mount(None, "/", _BARE | kernel.REMOUNT | kernel.READ_ONLY)


def _stepping_stone() -> str:
    for folder in _STEPPING_STONES:
        if os.path.isdir(folder):
            return folder
    raise FileNotFoundError(f"None of {', '.join(_STEPPING_STONES)} is there to mount an empty root on")
