"""The lock answers for every dependency of pyproject.toml, and names no machine."""

import re
import tomllib
from collections.abc import Iterable, Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import ROOT


def pins(lock: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def unanswered(requirements: Iterable[str], lock: str) -> Iterator[str]:
    pinned = pins(lock)
    for requirement in map(Requirement, requirements):
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None or version not in requirement.specifier:
            yield f"{requirement}, but the lock has {version}"


def without_a_hash(lock: str) -> list[str]:
    return re.findall(r"^([A-Za-z0-9._-]+)==.*[^\\\n]$", lock, re.MULTILINE)


def addresses(lock: str) -> list[str]:
    return re.findall(r"^.*(?:://|--(?:index|extra|find|trusted)|file:|^#.*/).*$", lock, re.MULTILINE)


@pytest.fixture(scope="module")
def lock() -> str:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_lock_answers_for_every_dependency(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["dev"]
    assert [*unanswered([*asked, *project["build-system"]["requires"]], lock)] == []


def test_everything_in_the_lock_has_a_hash(lock: str) -> None:
    assert pins(lock)
    assert without_a_hash(lock) == []


def test_the_lock_names_no_machine(lock: str) -> None:
    assert addresses(lock) == []


def test_a_bad_lock_is_found() -> None:
    bad = (
        "--index-url https://example.test/simple\n# in /home/me\nclick==8.0\norjson==3.13.0 \\\n    --hash=sha256:00\n"
    )
    assert [*unanswered(["click>=8.5", "rich>=15", "orjson"], bad)] == [
        "click>=8.5, but the lock has 8.0",
        "rich>=15, but the lock has None",
    ]
    assert without_a_hash(bad) == ["click"]
    assert addresses(bad) == ["--index-url https://example.test/simple", "# in /home/me"]
