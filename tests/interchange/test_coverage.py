"""Every field of every node type in the reference has a case that tries it out, or a reason why it needs none."""

from tests.interchange.coverage import PAGE, page, uncovered


def test_every_field_has_a_case_or_a_reason() -> None:
    assert uncovered() == []


def test_the_coverage_page_is_what_would_be_written_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.interchange.coverage"
