"""What a data folder tells other processes: the token, and where its API and its Temporal server listen."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cli.complaint import CommandFailed
from storage.keyring import KeyRing, fingerprint_id, new_key

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

    @property
    def encryption_key_file(self) -> Path:
        """The keys that secrets are encrypted with, where none are given; readable by its owner alone."""
        return self.path / "encryption-key"

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
        return _secret(self.token_file, "The token")

    def ensure_token(self) -> tuple[str, bool]:
        """The token, and whether it was made just now. Of two processes that start together one makes it."""
        if (known := self.token()) is not None:
            return known, False
        made = _PREFIX + secrets.token_urlsafe(32)
        if not _keep_once(self.token_file, made + "\n"):
            return self.token() or made, False
        return made, True

    def replace_token(self, token: str) -> None:
        """Keep another token from now on. Whole or not at all, whenever the power goes."""
        _write(self.token_file, f"{token}\n").replace(self.token_file)
        _sync_folder(self.path)

    def encryption_key(self) -> str | None:
        """The keys in the folder, as text, or None when there are none."""
        return _secret(self.encryption_key_file, "The encryption key")

    def ensure_encryption_key(self) -> str:
        """The keys in the folder; of two processes that start together one makes the first. Raises `CommandFailed`."""
        if (known := self.encryption_key()) is not None:
            return known
        key = new_key()
        made = KeyRing({fingerprint_id(key): key}).to_text()
        if _keep_once(self.encryption_key_file, made):
            return made
        if (known := self.encryption_key()) is None:
            raise CommandFailed(f"{self.encryption_key_file} is empty. Restore it from a backup.")
        return known

    def replace_encryption_key(self, text: str) -> None:
        """Keep other keys from now on. Whole or not at all, whenever the power goes."""
        fresh = _write(self.encryption_key_file, text)
        fresh.replace(self.encryption_key_file)
        _sync_folder(self.path)

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
        if _keep_once(file, json.dumps(asdict(temporal)) + "\n"):
            return temporal
        if (known := self._identity()) is None:
            raise CommandFailed(
                f"{file}, which says where the runs of this folder are, cannot be read. Restore it, or delete it"
                f" if {temporal} is the right one."
            )
        return known

    def _read(self, name: str) -> object:
        try:
            return json.loads((self.path / name).read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None


def _secret(file: Path, what: str) -> str | None:
    try:
        return file.read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandFailed(f"{what} in {file} cannot be read: {error.strerror or error}.") from error


def _keep_once(file: Path, text: str) -> bool:
    """Write a file that is not there yet, readable by its owner alone; False when somebody else was quicker."""
    fresh = _write(file, text)
    try:
        # A link, unlike a rename, leaves a file alone that another process has put there meanwhile.
        os.link(fresh, file)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    _sync_folder(file.parent)
    return True


def _write(file: Path, text: str) -> Path:
    """The text, on the disk, under a name of this process's own."""
    # Not the process's id alone: in containers that share a folder every process may be the first.
    fresh = file.with_name(f"{file.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(text)
        written.flush()
        os.fsync(written.fileno())
    return fresh


def _sync_folder(folder: Path) -> None:
    """Only then a name in it survives a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file(where: ApiAddress | TemporalAddress) -> str:
    return "api.json" if isinstance(where, ApiAddress) else "temporal.json"
