"""Who may import whom, where an import contract cannot say it: lists of what is allowed, not of what is forbidden."""

import sys
from collections.abc import Iterable, Iterator

import grimp
import pytest

from tests.architecture.source import PACKAGES, Source, is_within, sources

# The engine may not look at the world, so these parts of the standard library are not for it.
IMPURE = {
    "ctypes", "ftplib", "http", "multiprocessing", "os", "random", "secrets", "select", "selectors", "shutil", "signal",
    "smtplib", "socket", "socketserver", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time",
}  # fmt: skip
ENGINE_LIBRARIES = (sys.stdlib_module_names - IMPURE) | {"pydantic", "pydantic_core"}

# Of a package that another may import, only this.
DOORS = {
    ("nodes", "storage"): ("storage.ports",),
    # What starts and answers durable runs, and what walks a run of inline steps where it is asked for.
    ("api", "workers"): ("workers.client", "workers.in_place"),
}

# Libraries that reach out or hold a client of their own, and the one folder that may use each.
HOMES = {
    "aiohttp": "workers.egress",
    "anthropic": "workers.models",
    "google": "workers.models",
    "httpcore2": "workers.egress",
    "httpx": "workers.egress",
    "httpx2": "workers.egress",
    "openai": "workers.models",
    "requests": "workers.egress",
    "sqlglot": "storage.user_tables.guard",
    "temporalio": "workers",
    "urllib.request": "workers.egress",
    "urllib3": "workers.egress",
}

# What speaks with our own API alone, which is on this machine, where the egress client lets nobody go.
GUESTS = {"cli.http_client": {"httpx2"}}

WORKFLOWS = "workers.workflows"
WORKFLOW_LIBRARIES = sys.stdlib_module_names | {"pydantic", "pydantic_core", "temporalio"}


def outside_the_engine(source: Source) -> Iterator[str]:
    for line, name in source.imports():
        if not is_within(name, "engine") and name.partition(".")[0] not in ENGINE_LIBRARIES:
            yield f"{source.path}:{line} imports {name}"


def around_a_door(source: Source) -> Iterator[str]:
    for (importer, package), doors in DOORS.items():
        if is_within(source.module, importer):
            for line, name in source.imports():
                if is_within(name, package) and not is_within(name, *doors):
                    yield f"{source.path}:{line} imports {name}, not {' or '.join(doors)}"


def away_from_home(source: Source) -> Iterator[str]:
    for line, name in source.imports():
        for library, home in HOMES.items():
            guest = library in GUESTS.get(source.module, ())
            if is_within(name, library) and not is_within(source.module, home) and not guest:
                yield f"{source.path}:{line} imports {name}, which only {home} may"


def beyond_the_engine(graph: grimp.ImportGraph) -> Iterator[str]:
    """What a workflow reaches, however indirectly, that would not replay or would drag the application in."""
    # Importing a workflow also runs `workers/__init__.py`.
    for workflow in sorted(m for m in graph.modules if m == "workers" or is_within(m, WORKFLOWS)):
        for reached in sorted(graph.find_upstream_modules(workflow)):
            known = is_within(reached, WORKFLOWS, "engine") or reached.partition(".")[0] in WORKFLOW_LIBRARIES
            if not known:
                chain = graph.find_shortest_chain(importer=workflow, imported=reached) or ()
                yield " → ".join(chain)


def graph_of(imports: Iterable[tuple[str, str]]) -> grimp.ImportGraph:
    graph = grimp.ImportGraph()
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported)
    return graph


def test_the_engine_imports_only_the_pure_standard_library_and_pydantic() -> None:
    assert [finding for source in sources("engine") for finding in outside_the_engine(source)] == []


@pytest.mark.parametrize(
    "text", ["import orjson", "from nodes.context import NodeContext", "def f():\n    import socket", "import time"]
)
def test_an_engine_that_reaches_further_is_found(text: str) -> None:
    assert [*outside_the_engine(Source("engine/plan.py", text))]


def test_packages_are_entered_through_their_doors() -> None:
    assert [finding for source in sources(*PACKAGES) for finding in around_a_door(source)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nodes/data/query.py", "from storage.blobs.filesystem import Folder"),
        ("nodes/data/query.py", "from storage import blobs"),
        ("api/runs/routes.py", "from workers.activities import Activities"),
        ("api/runs/routes.py", "import workers"),
    ],
)
def test_an_import_around_a_door_is_found(path: str, text: str) -> None:
    assert [*around_a_door(Source(path, text))]


def test_libraries_that_reach_out_stay_at_home() -> None:
    assert [finding for source in sources(*PACKAGES) for finding in away_from_home(source)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nodes/tools/http_request.py", "import httpx2"),
        ("workers/models/openai.py", "from httpx2 import AsyncClient"),
        ("api/files/routes.py", "from urllib.request import urlopen"),
        ("api/files/routes.py", "from urllib import request"),
        ("workers/egress/client.py", "from openai import AsyncOpenAI"),
        ("cli/run.py", "from temporalio.client import Client"),
        ("cli/commands/run.py", "import httpx2"),
        ("nodes/data/database_sql.py", "import sqlglot"),
        ("cli/http_client.py", "import openai"),
    ],
)
def test_a_library_away_from_home_is_found(path: str, text: str) -> None:
    assert [*away_from_home(Source(path, text))]


def test_the_command_line_may_speak_with_our_own_api() -> None:
    assert [*away_from_home(Source("cli/http_client.py", "import httpx2"))] == []


def test_workflows_reach_only_the_engine_and_temporal() -> None:
    graph = grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
    assert [*beyond_the_engine(graph)] == []


@pytest.mark.parametrize(
    "imports",
    [
        [("workers.workflows", "nodes.catalogue")],
        [("workers.workflows.run", "workers.naming"), ("workers.naming", "conf")],
        [("workers.workflows.run", "orjson")],
        [("workers", "workers.worker")],
    ],
)
def test_a_workflow_that_reaches_further_is_found(imports: list[tuple[str, str]]) -> None:
    assert [*beyond_the_engine(graph_of(imports))]
