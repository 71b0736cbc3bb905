"""What a data folder tells other processes: the token, and where its API and its Temporal server listen."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cli.complaint import CommandFailed

_PREFIX: Final = "ms_"
_IDENTITY: Final = "temporal-identity.json"


@dataclass(frozen=True)
class ApiAddress:
    """Where the API of this folder listens, as long as the process `pid` lives."""

    url: str
    pid: int


@dataclass(frozen=True)
class TemporalAddress:
    """Where the Temporal server of this folder listens; `ui` is its own interface, or nothing."""

    address: str
    ui: str
    namespace: str
    pid: int


@dataclass(frozen=True)
class TemporalIdentity:
    """Which Temporal the runs of a folder are in, wherever it listens."""

    namespace: str
    cluster: str

    def __str__(self) -> str:
        return f"the namespace {self.namespace} of the cluster {self.cluster}"


class DataFolder:
    """One folder; it is made when something is first written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def token_file(self) -> Path:
        """The token of the first start, readable by its owner alone."""
        return self.path / "token"

    def prepare(self) -> None:
        """Make the folder. Raises `CommandFailed` where that cannot be."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise CommandFailed(f"The data folder {self.path} cannot be made: {error.strerror or error}.") from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise CommandFailed(f"The data folder {self.path} cannot be written to. Choose another with --data-dir.")

    def token(self) -> str | None:
        """The token, or None when there was no first start."""
        try:
            return self.token_file.read_text("utf-8").strip() or None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CommandFailed(f"The token in {self.token_file} cannot be read: {error.strerror or error}.") from error

    def ensure_token(self) -> tuple[str, bool]:
        """The token, and whether it was made just now. Of two processes that start together one makes it."""
        if (known := self.token()) is not None:
            return known, False
        made = _PREFIX + secrets.token_urlsafe(32)
        fresh = self.token_file.with_name(f"token.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(made + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link, unlike a rename, leaves a token alone that another process has put there meanwhile.
            os.link(fresh, self.token_file)
        except FileExistsError:
            return self.token() or made, False
        finally:
            fresh.unlink()
        return made, True

    def belong_to(self, temporal: TemporalIdentity) -> None:
        """Remember at the first connection where the runs of this folder are. Raises `CommandFailed` for another one.

        There its open runs would be taken for lost.
        """
        file = self.path / _IDENTITY
        known = self._identity() or self._remember(file, temporal)
        if known != temporal:
            raise CommandFailed(
                f"The runs of {self.path} are in {known} of Temporal; this is {temporal}. Start with the former"
                f" (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE). If it is gone for good, delete {file}: the runs that it"
                " carried out are then lost, and their records will say so."
            )

    def api(self) -> ApiAddress | None:
        """Where the API was told to be; whether it still is must be asked there."""
        told = self._read("api.json")
        match told:
            case {"url": str(url), "pid": int(pid)}:
                return ApiAddress(url, pid)
        return None

    def temporal(self) -> TemporalAddress | None:
        """Where the Temporal server was told to be."""
        told = self._read("temporal.json")
        match told:
            case {"address": str(address), "ui": str(ui), "namespace": str(namespace), "pid": int(pid)}:
                return TemporalAddress(address, ui, namespace, pid)
        return None

    def tell(self, where: ApiAddress | TemporalAddress) -> None:
        """Write down where something listens."""
        file = self.path / _file(where)
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        fresh.write_text(json.dumps(asdict(where)) + "\n", "utf-8")
        fresh.replace(file)

    def forget(self, where: ApiAddress | TemporalAddress) -> None:
        """It listens no more; what another process has told since stays."""
        known = self.api() if isinstance(where, ApiAddress) else self.temporal()
        if known == where:
            (self.path / _file(where)).unlink(missing_ok=True)

    def has_examples(self) -> bool:
        """Whether the examples were published here once."""
        return (self.path / "examples").exists()

    def note_examples(self) -> None:
        """The examples were published: it is not done again, also not when they are deleted."""
        (self.path / "examples").touch()

    def _identity(self) -> TemporalIdentity | None:
        match self._read(_IDENTITY):
            case {"namespace": str(namespace), "cluster": str(cluster)}:
                return TemporalIdentity(namespace, cluster)
        return None

    def _remember(self, file: Path, temporal: TemporalIdentity) -> TemporalIdentity:
        """Write it down; gives what stands there. Of two processes that start together one writes it."""
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        with fresh.open("w", encoding="utf-8") as written:
            written.write(json.dumps(asdict(temporal)) + "\n")
            written.flush()
            os.fsync(written.fileno())
        try:
            os.link(fresh, file)
        except FileExistsError:
            if (known := self._identity()) is None:
                raise CommandFailed(
                    f"{file}, which says where the runs of this folder are, cannot be read. Restore it, or delete it"
                    f" if {temporal} is the right one."
                ) from None
            return known
        finally:
            fresh.unlink()
        return temporal

    def _read(self, name: str) -> object:
        try:
            return json.loads((self.path / name).read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None


def _file(where: ApiAddress | TemporalAddress) -> str:
    return "api.json" if isinstance(where, ApiAddress) else "temporal.json"
