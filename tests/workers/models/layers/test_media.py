"""Media named by a URL are fetched through the guard, known by their bytes, and bounded."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from engine.errors import FlowError
from nodes.chat import MediaKind, MediaPart, ModelFailed, ModelUnavailable, TextPart
from tests.workers.egress.loopback import Asked, Server, calling, redirect, reply, serving
from tests.workers.models.layers.models import Speaker, answer, question
from workers.egress import EgressRefused
from workers.models.layers.media import WithMedia

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
LARGEST = 1_000


def site(asked: Asked) -> list[bytes]:
    path = asked.path.partition("?")[0]
    match path:
        case "/cat.png" | "/signed":
            return reply(200, PNG, [("Content-Type", "text/plain")])
        case "/page":
            return reply(200, b"<html>no cat</html>", [("Content-Type", "text/html; charset=utf-8")])
        case "/notes.txt":
            return reply(200, "笔记".encode(), [("Content-Type", "text/plain; charset=utf-8")])
        case "/sound":
            return reply(200, b"\0\0\0\x18ftypmp42....", [("Content-Type", "audio/mp4")])
        case "/big":
            return reply(200, b"x" * (LARGEST + 1))
        case "/moved":
            return redirect("/cat.png")
        case "/inside":
            return redirect("http://169.254.169.254/latest/")
        case "/busy":
            return reply(503)
        case _:
            return reply(404)


@asynccontextmanager
async def fetching(how: Literal["inline", "url"] = "inline") -> AsyncIterator[tuple[WithMedia, Speaker, Server]]:
    async with serving(site) as server, calling(server.place) as egress:
        within = Speaker()
        yield WithMedia(within, "seer", egress, how=how, largest=LARGEST), within, server


async def part_of(model: WithMedia, within: Speaker, part: MediaPart) -> MediaPart:
    await answer(model, question(TextPart("What is this?"), part))
    content = within.asked[-1].messages[0].content
    assert content[0] == TextPart("What is this?")
    assert isinstance(content[1], MediaPart)
    return content[1]


@pytest.mark.parametrize(
    ("path", "kind", "mime"),
    [
        ("/cat.png", "image", "image/png"),
        ("/moved", "image", "image/png"),
        ("/notes.txt", "file", "text/plain"),
        ("/sound", "audio", "audio/mp4"),
        ("/page", "file", "text/html"),
    ],
)
async def test_what_a_url_names_is_fetched_and_known_by_its_bytes(path: str, kind: MediaKind, mime: str) -> None:
    async with fetching() as (model, within, server):
        got = await part_of(model, within, MediaPart(kind, url=server.url(path)))
        assert got.data
        assert got.mime_type == mime


async def test_a_url_that_stands_there_twice_is_fetched_once() -> None:
    async with fetching() as (model, within, server):
        picture = MediaPart("image", url=server.url("/cat.png"))
        await answer(model, question(picture, TextPart("and again"), picture))
        assert len(server.asked) == 1
        assert [getattr(part, "data", "") for part in within.asked[0].messages[0].content] == [PNG, "", PNG]


@pytest.mark.parametrize(
    "url", ["data:image/png;base64," + base64.b64encode(PNG).decode(), "data:,%89PNG%0d%0a%1a%0apixels"]
)
@pytest.mark.parametrize("how", ["inline", "url"])
async def test_a_data_url_is_taken_apart_whoever_fetches(url: str, how: Any) -> None:
    async with fetching(how) as (model, within, _):
        got = await part_of(model, within, MediaPart("image", url=url))
        assert (got.data, got.mime_type) == (PNG, "image/png")


async def test_a_provider_that_fetches_for_itself_gets_the_url() -> None:
    async with fetching("url") as (model, within, server):
        picture = MediaPart("image", url=server.url("/cat.png"))
        assert await part_of(model, within, picture) == picture
        assert server.asked == []


async def test_bytes_that_are_at_hand_stay_as_they_are() -> None:
    async with fetching() as (model, within, _):
        picture = MediaPart("image", b"whatever", mime_type="image/x-own")
        assert await part_of(model, within, picture) == picture


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/big?key=secret", "The image at .*/big is larger than 1000 bytes"),
        ("/page?key=secret", "What is at .*/page is text/html, and not a picture"),
        ("/gone?key=secret", "The image at .*/gone could not be fetched: it was answered with the status 404"),
    ],
)
async def test_what_cannot_be_shown_to_a_model_is_refused_without_what_the_url_hides(path: str, sentence: str) -> None:
    async with fetching() as (model, within, server):
        with pytest.raises(ModelFailed, match=sentence) as refused:
            await part_of(model, within, MediaPart("image", url=server.url(path)))
        assert refused.value.facts["reason"] == "bad_request"
        assert "secret" not in refused.value.message
        assert within.asked == []


async def test_a_site_that_is_busy_may_be_asked_again() -> None:
    async with fetching() as (model, within, server):
        with pytest.raises(ModelUnavailable, match="the status 503"):
            await part_of(model, within, MediaPart("image", url=server.url("/busy")))


@pytest.mark.parametrize("url", ["data:image/png;base64,%%%", "data:image/png;base64", "data:image/png;base64,a"])
async def test_a_malformed_data_url_is_refused(url: str) -> None:
    async with fetching() as (model, within, _):
        with pytest.raises(ModelFailed, match="malformed"):
            await part_of(model, within, MediaPart("image", url=url))


async def test_a_data_url_is_bounded_too() -> None:
    async with fetching() as (model, within, _):
        for size in (LARGEST + 1, LARGEST * 10):
            with pytest.raises(ModelFailed, match="larger than 1000 bytes"):
                await part_of(model, within, MediaPart("image", url="data:image/png," + "x" * size))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://10.0.0.1/x", "http://metadata.internal/"])
async def test_the_guard_has_its_say(url: str) -> None:
    async with fetching() as (model, within, _):
        with pytest.raises(EgressRefused):
            await part_of(model, within, MediaPart("image", url=url))


async def test_the_guard_has_its_say_at_every_redirect() -> None:
    async with fetching() as (model, within, server):
        with pytest.raises(EgressRefused):
            await part_of(model, within, MediaPart("image", url=server.url("/inside")))


async def test_all_media_of_a_request_are_bounded_together() -> None:
    async with fetching() as (model, within, _):
        parts = [MediaPart("file", url=f"data:,{number}{'x' * 800}") for number in range(4)]
        with pytest.raises(ModelFailed, match="larger than 3000 bytes together"):
            await answer(model, question(*parts))
        assert await answer(model, question(*parts[:3]))
        assert len(within.asked) == 1


async def test_a_part_with_nothing_in_it_is_refused() -> None:
    async with fetching() as (model, within, _):
        with pytest.raises(FlowError, match="neither bytes nor a URL"):
            await part_of(model, within, MediaPart("image"))
