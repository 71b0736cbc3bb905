"""Folders and modules have names that say something and clash with nothing."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT, Source, sources

EMPTY_WORDS = {
    "base", "common", "core", "helper", "helpers", "manager", "managers", "misc", "stuff", "util", "utils",
}  # fmt: skip
FOLDERS = {*PACKAGES, "bench", "docker", "docs", "examples", "tests", "web"}
LEFT_BEHIND = {"__pycache__", "build", "data", "dist", "htmlcov"}


def empty_words(path: str) -> set[str]:
    words = {word for part in Path(path).with_suffix("").parts for word in part.strip("_").split("_")}
    return words & EMPTY_WORDS


def unexpected(entries: Iterable[Path]) -> Iterator[str]:
    for entry in entries:
        folder = entry.is_dir() and entry.name not in FOLDERS | LEFT_BEHIND
        if not entry.name.startswith(".") and (folder or entry.suffix == ".py") and entry.suffix != ".egg-info":
            yield entry.name


def collisions(names: Iterable[str], installed: Mapping[str, list[str]]) -> Iterator[str]:
    for name in names:
        if owners := sorted({*installed.get(name, ())} - {"mainspring"}):
            yield f"{name} is also a package of {', '.join(owners)}"
        if name in sys.stdlib_module_names:
            yield f"{name} is also a module of the standard library"


def test_no_module_has_an_empty_name() -> None:
    assert [source.path for source in sources() if empty_words(source.path)] == []


@pytest.mark.parametrize("path", ["engine/utils.py", "api/core/errors.py", "workers/task_manager.py", "nodes/_base.py"])
def test_an_empty_name_is_found(path: str) -> None:
    assert empty_words(path)


def test_the_top_of_the_project_holds_what_it_should() -> None:
    assert [*unexpected(sorted(ROOT.iterdir()))] == []


def test_a_stray_folder_or_script_at_the_top_is_found(tmp_path: Path) -> None:
    (tmp_path / "backend").mkdir()
    (tmp_path / "setup.py").touch()
    assert sorted(unexpected(tmp_path.iterdir())) == ["backend", "setup.py"]


def test_our_packages_hide_no_installed_one() -> None:
    assert [*collisions([*PACKAGES, "tests", "bench"], packages_distributions())] == []


def test_a_package_that_hides_another_is_found() -> None:
    assert [*collisions(["docker", "api", "json"], {"docker": ["docker"], "api": ["mainspring"]})] == [
        "docker is also a package of docker",
        "json is also a module of the standard library",
    ]


@pytest.mark.parametrize("folder", ["docker", "tests"])
def test_what_is_not_imported_is_no_package(folder: str) -> None:
    assert [*(ROOT / folder).rglob("__init__.py")] == []


def test_a_source_knows_its_module() -> None:
    paths = ("engine/plan.py", "nodes/ai/__init__.py", "cli/__init__.py")
    assert [Source(path, "").module for path in paths] == ["engine.plan", "nodes.ai", "cli"]
