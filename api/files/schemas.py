"""What routes about files take and give."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from api.parameters import Body, Id, Millis
from storage.file_links import LONGEST_SECONDS

FileId = Annotated[str, Path(max_length=30, description="The id of a file.", examples=["208134112739467264"])]


class FileOut(BaseModel):
    """A file."""

    id: Id
    name: str = Field(description="As it was sent, without what cannot be seen.", examples=["报告.pdf"])
    extension: str = Field(examples=["pdf"])
    mime_type: str = Field(description="What its content is, whatever was said.", examples=["application/pdf"])
    size: int = Field(description="Bytes.", examples=[48_213])
    sha256: str = Field(description="Of its content, in hexadecimal.")
    width: int | None = Field(description="Of a picture, in pixels.", examples=[1_024])
    height: int | None = Field(description="Of a picture, in pixels.", examples=[768])
    account_id: Id = Field(description="Who uploaded it; 0 for the instance's own token.")
    created: Millis


class FilePage(BaseModel):
    """Some files, the newest first."""

    items: list[FileOut]
    next_cursor: str | None


class FileUsage(BaseModel):
    """How much of its room a space uses."""

    bytes: int = Field(description="What its files have together, those on their way included.", examples=[48_213])
    limit: int = Field(description="What they may have.", examples=[10_737_418_240])
    largest_file: int = Field(description="What one may have.", examples=[536_870_912])


class NewLink(Body):
    """How long the link shall live."""

    seconds: int = Field(3600, ge=1, le=LONGEST_SECONDS, description="At most a week.", examples=[3600])


class LinkOut(BaseModel):
    """A link that whoever holds it may follow."""

    url: str = Field(examples=["https://mainspring.example/api/v1/file-links/208134112739467264?org=…&signature=…"])
    expires: Millis
