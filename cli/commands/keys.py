"""`mainspring keys`: what secrets are encrypted with, and moving them to a new key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.complaint import CommandFailed
from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.data_folder import DataFolder
    from engine.values import Json
    from storage.keyring import KeyRing


@click.group("keys")
def command() -> None:
    """Look after the keys that secrets and payloads are encrypted with."""


@command.command("show")
@data_dir_option
def show(data_dir: Path | None) -> int:
    """Say which keys there are, by their ids, and which of them are needed. The keys themselves are never shown."""
    from cli.data_folder import DataFolder
    from cli.keys import is_own, key_ring
    from storage.key_register import registered_keys
    from storage.stores import database_url_of

    settings = load_settings(data_dir=data_dir)
    folder = DataFolder(settings.data_dir)
    folder.prepare()
    ring, needed = key_ring(settings, folder), registered_keys(database_url_of(folder.path))
    place = str(folder.encryption_key_file) if is_own(settings) else "the settings"
    for kek_id in (*ring.ids, *(one for one in needed if one not in ring.ids)):
        words = ["current"] if kek_id == ring.current else []
        words += ["in use"] if kek_id in needed else ["needed by nothing"]
        words += [] if kek_id in ring.ids else ["MISSING"]
        click.echo(f"{kek_id}: {', '.join(words)}")
    click.echo(f"They come from {place}.")
    return 0


@command.command("rotate")
@click.option("--data-keys", is_flag=True, help="Also encrypt payloads with new keys from now on.")
@data_dir_option
def rotate(data_keys: bool, data_dir: Path | None) -> int:
    """Move everything that is encrypted to the current key.

    Where the key is the data folder's own, a new one is made first; nothing may be running on the folder then. Where
    it comes from the settings, put the new key in front of the old one, and the old one away afterwards.
    Broken off anywhere, it is simply run again.
    """
    from cli.data_folder import DataFolder
    from cli.event_loop import run_loop
    from cli.keys import is_own, key_ring
    from storage.keyring import new_key

    settings = load_settings(data_dir=data_dir)
    folder = DataFolder(settings.data_dir)
    folder.prepare()
    ring, own = key_ring(settings, folder), is_own(settings)
    if own:
        _check_idle(folder)
        # Two keys there: an earlier rotation broke off, and is brought to its end.
        if len(ring.ids) == 1:
            ring = ring.with_current(new_key())
            folder.replace_encryption_key(ring.to_text())
    run_loop(_rewrap(folder, ring, data_keys=data_keys))
    if own:
        folder.replace_encryption_key(ring.only_current().to_text())
        click.echo(f"Everything is encrypted with {ring.current} now, which {folder.encryption_key_file} holds.")
        return 0
    retired = [kek_id for kek_id in ring.ids if kek_id != ring.current]
    if retired:
        click.echo(
            f"Everything is encrypted with {ring.current} now. Nothing needs {', '.join(retired)} any more: take it out"
            " of the settings of every process."
        )
    else:
        click.echo(
            f"Everything is encrypted with {ring.current}. To change it, put a new key in front of it, with a comma"
            " between, and run this again."
        )
    return 0


async def _rewrap(folder: DataFolder, ring: KeyRing, *, data_keys: bool) -> None:
    from storage.audit import Actor, Deed, record_after
    from storage.stores import open_stores
    from storage.vault import rewrap

    # Nobody is logged in here: it is who has the machine.
    machine = Actor(name="the machine")
    with open_stores(folder.path, keys=ring) as stores:
        await rewrap(stores.database, ring)
        # After it: a rotation that breaks off is run again, and is done when it is done.
        after: Json = {"key": ring.current, "data_keys": data_keys}
        if data_keys:
            for org_id in await stores.data_keys.organisations():
                await stores.data_keys.renew(org_id)
        await record_after(stores.database, machine, Deed("keys.rotate", "keys", ring.current, after=after))


def _check_idle(folder: DataFolder) -> None:
    """Raise when somebody works with the old key alone, and would read nothing any more."""
    from cli.session import lives

    for where in (folder.api(), folder.temporal()):
        if where is not None and lives(where.pid):
            raise CommandFailed(
                f"The process {where.pid} is up on {folder.path}, with the old key alone: stop everything there first,"
                " workers too."
            )
