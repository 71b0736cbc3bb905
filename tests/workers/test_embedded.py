"""The embedded Temporal server: it starts or says why not, survives its own death, and does not outlive its parent."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Thread

import httpx2
import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from tests.workers.temporal_fixture import drop
from workers.embedded import (
    BinaryMissing,
    DataFolderInUse,
    EmbeddedOptions,
    EmbeddedTemporal,
    EmbeddedTemporalError,
    PortTaken,
    Restart,
    ServerFailed,
)
from workers.embedded.binary import find_temporal
from workers.embedded.child import Child

CANVAS = SearchAttributeKey.for_keyword("AppCanvas")
REPOSITORY = Path(__file__).parents[2]


def headless(folder: Path, **changes: object) -> EmbeddedOptions:
    return EmbeddedOptions(**{"data_dir": folder, "grpc_port": 0, "ui_port": None, **changes})  # type: ignore[arg-type]


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")  # dead, only not buried yet


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedTemporal]:
    # With a UI, all that can be asked for, and a folder whose name would mean something in a URL.
    options = EmbeddedOptions(
        tmp_path / "数据?mode=memory&a=%20#b",
        grpc_port=0,
        ui_port=0,
        durability="full",
        namespace="mainspring",
        search_attributes={"AppCanvas": "Keyword", "AppVersion": "Int"},
        retention_days=3,
    )
    server = EmbeddedTemporal(options)
    await server.start()
    yield server
    await drop(server)


async def test_it_answers_opens_its_ui_and_keeps_the_folder_and_the_ports_to_itself(
    server: EmbeddedTemporal, tmp_path: Path
) -> None:
    client = await Client.connect(server.address, namespace="mainspring")
    assert await client.service_client.check_health()
    attributes = TypedSearchAttributes([SearchAttributePair(CANVAS, "问候")])
    run = await client.start_workflow("Greet", id="a", task_queue="nobody", search_attributes=attributes)
    described = await run.describe()
    assert described.status is WorkflowExecutionStatus.RUNNING
    assert described.typed_search_attributes[CANVAS] == "问候"
    assert (server.options.data_dir / "temporal.db").exists()

    assert server.ui_url is not None
    async with httpx2.AsyncClient() as http:
        assert (await http.get(server.ui_url)).status_code == 200
        assert (await http.get(server.metrics_url)).status_code == 200

    with pytest.raises(DataFolderInUse, match=f"Process {os.getpid()} runs a Temporal server on") as in_use:
        await EmbeddedTemporal(headless(server.options.data_dir)).start()
    assert in_use.value.facts["pid"] == os.getpid()

    port = int(server.address.rpartition(":")[2])
    with pytest.raises(PortTaken, match=f"listens on 127.0.0.1:{port}, where the gRPC port") as taken:
        await EmbeddedTemporal(headless(tmp_path / "other", grpc_port=port)).start()
    assert taken.value.facts == {"ip": "127.0.0.1", "port": port, "purpose": "gRPC"}

    with pytest.raises(EmbeddedTemporalError, match="already"):
        await server.start()
    await server.set_retention(7)
    with pytest.raises(EmbeddedTemporalError, match="keep histories for 0 days"):
        await server.set_retention(0)


async def test_a_killed_server_is_back_on_its_port_with_its_state_and_a_stopped_one_too(tmp_path: Path) -> None:
    # The second of its lives is told to end by a program that writes down how it did.
    program = tmp_path / "temporal-that-is-watched"
    program.write_text(f"""#!/bin/sh
        echo start >> "{tmp_path}/starts"
        case $(wc -l < "{tmp_path}/starts") in *2) ;; *) exec "{find_temporal()}" "$@";; esac
        trap 'kill -TERM $server' TERM
        "{find_temporal()}" "$@" & server=$!
        wait $server
        wait $server
        echo "ended with $?" > "{tmp_path}/end"
    """)
    program.chmod(0o755)
    restarts = asyncio.Queue[Restart]()
    server = EmbeddedTemporal(headless(tmp_path, binary=program), on_restart=restarts.put_nowait)
    await server.start()
    address, first = server.address, server.pid
    assert server.ui_url is None
    assert first is not None
    client = await Client.connect(address)
    run = await client.start_workflow("Greet", id="kept", task_queue="nobody")

    os.kill(first, signal.SIGKILL)
    restart = await asyncio.wait_for(restarts.get(), 60)
    assert restart.count == server.restarts == 1
    assert restart.status == -signal.SIGKILL
    assert server.answering
    assert server.address == address
    assert server.pid != first
    assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING

    second = server.pid
    assert second is not None
    await server.stop()
    assert (tmp_path / "end").read_text() == "ended with 0\n", "it ended when asked, not by force"
    assert not runs(second)
    assert not server.answering
    assert server.pid is None
    await server.stop()

    await server.start()
    assert server.address == address
    assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
    assert server.restarts == 1
    await drop(server)


async def test_a_killed_parent_leaves_neither_a_server_nor_a_locked_folder(tmp_path: Path) -> None:
    program = f"""
        import asyncio
        from pathlib import Path
        from workers.embedded import EmbeddedOptions, EmbeddedTemporal

        async def main():
            server = EmbeddedTemporal(EmbeddedOptions(Path({str(tmp_path)!r}), grpc_port=0, ui_port=None))
            await server.start()
            print(f"started {{server.pid}} {{server.address}}", flush=True)
            await asyncio.Event().wait()

        asyncio.run(main())
    """
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(program), cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    started = None
    async for line in parent.stdout:  # what is logged comes this way too
        if (started := re.match(r"started (\d+) 127.0.0.1:(\d+)", line.decode())) is not None:
            break
    assert started is not None
    child, port = int(started[1]), int(started[2])
    assert runs(child)

    parent.kill()
    # At once, on the same folder and port: it gets as far as looking for the program, though those are only dying.
    with pytest.raises(BinaryMissing):
        await EmbeddedTemporal(headless(tmp_path, grpc_port=port, binary=tmp_path / "nothing")).start()
    assert not runs(child)
    await parent.wait()


async def test_a_server_that_does_not_stay_up_is_started_again_more_and_more_slowly(tmp_path: Path) -> None:
    # The program notes each start, and fails the second and the third time.
    program = tmp_path / "temporal-that-fails"
    program.write_text(f"""#!/bin/sh
        echo start >> "{tmp_path}/starts"
        case $(wc -l < "{tmp_path}/starts") in *[23]) echo no luck; exit 3;; esac
        exec "{find_temporal()}" "$@"
    """)
    program.chmod(0o755)
    restarts = asyncio.Queue[Restart]()
    server = EmbeddedTemporal(headless(tmp_path, binary=program), on_restart=restarts.put_nowait)
    await server.start()
    assert server.pid is not None
    (tmp_path / "temporal.log").unlink()  # by somebody who tidies up: it makes no difference
    os.kill(server.pid, signal.SIGKILL)
    restart = await asyncio.wait_for(restarts.get(), 60)
    assert restart.count == 1
    assert restart.downtime > 0.3, "it waited before its second and its third attempt"
    assert (tmp_path / "starts").read_text().count("start") == 4
    await drop(server)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"search_attributes": {f"App{n}": "Keyword" for n in range(11)}}, "cannot have more than 10"),
        ({"start_timeout": 0.01}, "did not answer within 0.01 seconds"),
    ],
)
async def test_a_server_that_cannot_start_says_why_and_frees_the_folder(
    tmp_path: Path, options: dict[str, object], why: str
) -> None:
    server = EmbeddedTemporal(headless(tmp_path, **options))
    with pytest.raises(ServerFailed, match=why) as failed:
        await server.start()
    assert failed.value.facts["log_file"] == str(tmp_path / "temporal.log")
    assert server.pid is None
    with pytest.raises(ServerFailed, match=why):
        await server.start()


async def test_a_damaged_database_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "temporal.db").write_bytes(os.urandom(8192))
    with pytest.raises(ServerFailed, match="file is not a database"):
        await EmbeddedTemporal(headless(tmp_path)).start()


async def test_a_missing_program_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BinaryMissing, match="not a program that could be started"):
        await EmbeddedTemporal(headless(tmp_path, binary=tmp_path / "nothing")).start()


async def test_a_program_of_another_kind_of_machine_is_told_from_its_last_words(tmp_path: Path) -> None:
    program = tmp_path / "temporal"
    program.write_bytes(b"\x7fELF of another machine")
    program.chmod(0o755)
    with pytest.raises(ServerFailed, match="Exec format error"):
        await EmbeddedTemporal(headless(tmp_path, binary=program)).start()


async def test_a_cancelled_start_leaves_nothing_behind(tmp_path: Path) -> None:
    server = EmbeddedTemporal(headless(tmp_path))
    starting = asyncio.create_task(server.start())
    await asyncio.sleep(0.05)
    pid = server.pid
    assert pid is not None
    assert not server.answering
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not runs(pid)
    with pytest.raises(BinaryMissing):
        await EmbeddedTemporal(headless(tmp_path, binary=tmp_path / "nothing")).start()


async def test_a_log_that_has_grown_large_makes_room(tmp_path: Path) -> None:
    (tmp_path / "temporal.log").write_bytes(b"old\n" * 3_000_000)
    (tmp_path / "temporal.db").write_bytes(os.urandom(8192))
    with pytest.raises(ServerFailed) as failed:
        await EmbeddedTemporal(headless(tmp_path)).start()
    assert "old" not in str(failed.value.facts["log"])
    assert (tmp_path / "temporal.log.1").stat().st_size == 12_000_000
    assert (tmp_path / "temporal.log").stat().st_size < 10_000


async def test_a_child_outlives_the_thread_that_asked_for_it_and_ends_with_the_same_patience(tmp_path: Path) -> None:
    children: list[Child] = []

    def ask() -> None:
        heard, output = os.pipe()
        # Deaf to the polite signal, and so ended by force.
        command = ["/bin/sh", "-c", "trap '' TERM; echo ready; while true; do sleep 1; done"]
        children.append(Child(command, folder=tmp_path, environment={}, output=output))
        # Only now has the child asked to be killed with its parent: it must not take this thread for it.
        assert os.read(heard, 6) == b"ready\n"
        os.close(heard)
        os.close(output)

    thread = Thread(target=ask)
    thread.start()
    await asyncio.to_thread(thread.join)
    [child] = children
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(child.wait(), 0.3)
    assert not child.ended
    assert await child.stop(0.1) == -signal.SIGKILL


async def test_the_session_shares_one_server(temporal_server: EmbeddedTemporal) -> None:
    client = await Client.connect(temporal_server.address)
    assert await client.service_client.check_health()
