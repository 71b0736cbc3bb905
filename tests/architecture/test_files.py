"""Files stay short, and what the pages tell a reader to type exists."""

import re

import pytest

from tests.architecture.source import ROOT, Source, sources

LONGEST = 450


def is_too_long(source: Source) -> bool:
    return len(source.text.splitlines()) > LONGEST


def targets(makefile: str) -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


def told_to_make(page: str) -> set[str]:
    """The targets that a page names in its code, be it a block or a word between backticks."""
    prose, blocks = page.split("```")[::2], page.split("```")[1::2]
    named = [name for part in prose for name in re.findall(r"`make ([a-z][a-z-]*)", part)]
    named += [name for block in blocks for name in re.findall(r"(?:^|&& |\$ )make ([a-z][a-z-]*)", block, re.MULTILINE)]
    return set(named)


def test_no_file_is_too_long() -> None:
    assert [source.path for source in sources() if is_too_long(source)] == []


def test_a_file_that_is_too_long_is_found() -> None:
    assert not is_too_long(Source("engine/plan.py", "x = 1\n" * LONGEST))
    assert is_too_long(Source("engine/plan.py", "x = 1\n" * (LONGEST + 1)))


def test_every_target_that_the_pages_name_exists() -> None:
    known = targets((ROOT / "Makefile").read_text(encoding="utf-8"))
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    named = {page.name: told_to_make(page.read_text(encoding="utf-8")) for page in pages}
    assert {name: missing for name, these in named.items() if (missing := these - known)} == {}


@pytest.mark.parametrize("page", ["Type `make fly`.", "```sh\nmake fly   # off\n```", "```sh\ncd x && make fly\n```"])
def test_a_target_that_does_not_exist_is_found(page: str) -> None:
    assert told_to_make(page) - targets("up: setup\nsetup:\n") == {"fly"}


def test_prose_names_no_target() -> None:
    assert told_to_make("First\nmake sure that it runs.") == set()


def test_the_readme_names_the_two_commands_of_a_newcomer() -> None:
    assert {"up", "test"} <= told_to_make((ROOT / "README.md").read_text(encoding="utf-8"))
