"""Sentences within successes: findings about canvases and documents, told in the language of the request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Response
from pydantic import PlainSerializer

from api.language import spoken, told_in


def _told(sentence: str) -> str:
    return spoken(sentence)


Told = Annotated[str, PlainSerializer(_told, return_type=str, when_used="json")]
"""A sentence of ours: English until it is sent."""


async def _say_so(response: Response) -> None:
    response.headers.update(told_in())


in_its_language = Depends(_say_so)
"""For routes whose answers hold sentences: the headers say in which language."""
