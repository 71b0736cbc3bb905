"""What stands between a task and the machine, as it was found from within, and what to do where something lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_NAMESPACES: Final = {
    "mnt": "mount namespace",
    "pid": "process namespace",
    "net": "network namespace",
    "ipc": "ipc namespace",
    "uts": "host name namespace",
}
_OPTIONAL: Final = {"user": "user namespace", "cgroup": "control group namespace"}
FILTER, LIMITS = "system call filter", "limits"

_ADVICE: Final = {
    "namespaces": (
        "allow unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
        "kernel.apparmor_restrict_unprivileged_userns), or, in a container, a seccomp profile that lets `unshare`, "
        "`mount` and `pivot_root` pass (Docker: --security-opt seccomp=…, Kubernetes: hostUsers: false)"
    ),
    FILTER: "run on x86-64 or aarch64 with a kernel that has CONFIG_SECCOMP_FILTER",
    LIMITS: "let the process set its own resource limits",
}


@dataclass(frozen=True)
class Layers:
    """Those that are in force, and those that are not, with the reason where the kernel gave one."""

    active: tuple[str, ...]
    missing: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """For a message."""
        return {"active": list(self.active), "missing": dict(self.missing)}

    @property
    def complaint(self) -> str:
        """What is missing, and what would have to be allowed; empty if nothing is."""
        if not self.missing:
            return ""
        reasons: dict[str, list[str]] = {}
        for name, reason in self.missing.items():
            reasons.setdefault(reason, []).append(name)
        why = "; ".join(", ".join(names) + (f" ({reason})" if reason else "") for reason, names in reasons.items())
        kinds = dict.fromkeys(name if name in _ADVICE else "namespaces" for name in self.missing)
        advice = "; and ".join(map(_ADVICE.__getitem__, kinds))
        return f"The code runner lacks layers of its jail: {why}. To have them, {advice}."


def examine(hello: Mapping[str, Any], probed: Mapping[str, Any], *, restricted: bool) -> Layers:
    """Put together what a zygote said of itself and what a task found when it tried."""
    namespaces, refusals, attempts = hello["namespaces"], hello["refused"], probed["refused"]
    found: dict[str, tuple[bool, str]] = {
        name: (bool(namespaces[key]), "namespaces") for key, name in _NAMESPACES.items()
    }
    found["process namespace"] = (bool(namespaces["pid"]) and bool(hello["first"]), "namespaces")
    found["empty root"] = (bool(hello["empty"]), "root")
    found["unprivileged user"] = (hello["user"] != 0 and probed["user"] != 0, "user")
    found["no capabilities"] = (not hello["capabilities"], "capabilities")
    found["no new privileges"] = (not hello["privileges"] and not hello["dumpable"], "privileges")
    found["empty environment"] = (probed["environment"] == 0, "environment")
    found[FILTER] = (all(attempts.values()), "filter")
    found[LIMITS] = (bool(probed["limits"]), "limits")
    further = [name for key, name in _OPTIONAL.items() if namespaces.get(key)]
    active = [*(name for name, (there, _) in found.items() if there), *further, *(["language"] if restricted else [])]
    missing = {name: str(refusals.get(step, "")) for name, (there, step) in found.items() if not there}
    return Layers(tuple(active), missing)
