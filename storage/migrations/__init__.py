"""Bringing a database to the shape that this version of the code expects."""

from storage.migrations.shape import HEAD, migrate

__all__ = ["HEAD", "migrate"]
