"""Files that people upload, and how much of them a space holds."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field

from storage.tables.columns import KEY_LENGTH, Id, Millis, Row, Word, id_column

FILE_NAME_LENGTH = 255


class FileRow(Row, table=True):
    """A file. While it is being received (`state`), and while it is being taken away, nobody is shown it.

    Its bytes lie in the blob store under a name made of its id. `size` counts against the space from the beginning:
    what is still on its way has reserved it.
    """

    __tablename__ = "stored_file"
    __table_args__ = (
        Index("ix_stored_file_space", "space_id", "id"),
        Index("ix_stored_file_state", "state", "updated"),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    account_id: int = Field(default=0, sa_type=Id)
    person: str = Field(sa_type=Word(KEY_LENGTH))
    """Whose it is, where an end user of something published sent it."""
    state: str = Field(sa_type=Word(16))
    size: int = Field(sa_type=Id)
    name: str = Field(sa_type=Word(FILE_NAME_LENGTH))
    extension: str = Field(sa_type=Word(16))
    mime_type: str = Field(sa_type=Word(128))
    sha256: str = Field(sa_type=Word(64))
    width: int = 0
    height: int = 0
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)


class FileSpace(Row, table=True):
    """How many bytes the files of a space have, those on their way included."""

    __tablename__ = "file_space"

    space_id: int = id_column()
    org_id: int = Field(sa_type=Id)
    bytes: int = Field(sa_type=Id)
