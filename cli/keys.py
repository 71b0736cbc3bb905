"""Where the encryption keys come from: the environment, a file, or the data folder, which makes one at first."""

from __future__ import annotations

from pathlib import Path

from cli.complaint import CommandFailed
from cli.data_folder import DataFolder
from conf.settings import Settings
from engine.errors import InvalidInput
from storage.key_register import registered_keys
from storage.keyring import KeyRing
from storage.stores import database_url_of

_HOW = "Set MAINSPRING_ENCRYPTION_KEY or MAINSPRING_ENCRYPTION_KEY_FILE"


def key_ring(settings: Settings, folder: DataFolder) -> KeyRing:
    """The keys of this instance. Raises `CommandFailed` where there are none, or where what is given is none."""
    given = settings.encryption_key.get_secret_value().strip()
    file = settings.encryption_key_file
    if given and file:
        raise CommandFailed("Both MAINSPRING_ENCRYPTION_KEY and MAINSPRING_ENCRYPTION_KEY_FILE are set: set one.")
    if given:
        return _parsed(given, "MAINSPRING_ENCRYPTION_KEY")
    if file:
        try:
            return _parsed(Path(file).expanduser().read_text("utf-8"), file)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise CommandFailed(f"The encryption key in {file} cannot be read: {why}.") from error
    if settings.mode == "production":
        raise CommandFailed(
            f"In production the encryption key has to come from outside. {_HOW}; `openssl rand -base64 32` makes one."
        )
    return _parsed(_own(folder), str(folder.encryption_key_file))


def is_own(settings: Settings) -> bool:
    """Whether the keys are those of the data folder."""
    return not settings.encryption_key.get_secret_value().strip() and not settings.encryption_key_file


def _own(folder: DataFolder) -> str:
    if folder.encryption_key() is None and (lost := registered_keys(database_url_of(folder.path))):
        # A new key would open nothing of what is there, and only hide that the old one is missing.
        raise CommandFailed(
            f"{folder.encryption_key_file} is missing, and the secrets in {folder.path} are encrypted with it (the key"
            f" {', '.join(lost)}). Restore it from a backup, or give the key: {_HOW}."
        )
    return folder.ensure_encryption_key()


def _parsed(text: str, place: str) -> KeyRing:
    try:
        return KeyRing.parse(text)
    except InvalidInput as error:
        raise CommandFailed(f"{place}: {error.message}") from error
