"""`mainspring migrate`: the database is brought up to date."""

from __future__ import annotations

from pathlib import Path

import click

from cli.configuration import data_dir_option, load_settings


@click.command("migrate")
@data_dir_option
def command(data_dir: Path | None) -> int:
    """Bring the database in the data folder up to date. Starting anything does the same."""
    from cli.data_folder import DataFolder
    from cli.keys import key_ring
    from storage.stores import open_stores

    settings = load_settings(data_dir=data_dir)
    folder = DataFolder(settings.data_dir)
    folder.prepare()
    open_stores(folder.path, keys=key_ring(settings, folder)).close()
    click.echo(f"The database in {folder.path} is up to date.")
    return 0
