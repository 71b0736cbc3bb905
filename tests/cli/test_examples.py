"""The examples are what they say: each is valid, runs without any input, and shows what its page promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.canvas_check import check_file
from cli.canvas_files import family
from engine.errors import FlowError
from engine.values import Json
from nodes.library import load_library
from tests.cli.memory_run import EXAMPLES, MemoryRun
from workers.models.scripted import MARK

FILES = sorted(EXAMPLES.glob("*.json"))
NAMES = [file.stem for file in FILES]


def types_in(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["type"] for node in nodes} | {kind for node in nodes for kind in types_in(node.get("blocks", []))}


def example(name: str) -> Path:
    return EXAMPLES / f"{name}.json"


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_an_example_has_no_findings(file: Path) -> None:
    assert [finding.to_json() for finding in check_file(file, load_library().types)] == []


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_an_example_says_what_it_is_and_is_told_of_in_the_readme(file: Path) -> None:
    (*_, canvas) = family(file)
    assert canvas.key == file.stem
    assert canvas.title != file.stem
    assert canvas.description.endswith(".")
    assert f"{file.stem}.json" in (EXAMPLES / "README.md").read_text("utf-8")


def test_together_they_show_every_node_type_that_a_newcomer_should_meet() -> None:
    shown = set[str]().union(*(types_in(json.loads(file.read_text("utf-8"))["nodes"]) for file in FILES))
    assert shown >= {
        "start", "end", "condition", "loop", "break", "continue", "set_variable", "batch", "subworkflow", "llm",
        "message", "question", "form", "delay", "http_request", "merge_variables", "text_concat", "code",
        "text_template",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "advise-guest",
        "choose-offer",
        "find-tea",
        "morning-report",
        "ship-order",
        "translate-articles",
        "translate-text",
        "triage-ticket",
        "write-invoice",
    ],
)
async def test_an_example_runs_without_any_input(name: str) -> None:
    result = await MemoryRun().go(example(name))
    assert result.output


async def test_a_guest_is_advised_with_what_a_tool_finds_and_not_with_what_is_hidden() -> None:
    result = await MemoryRun().go(example("advise-guest"), {"taste": "fresh"})
    advice = str(result.output["advice"])
    assert "龙井 (Longjing) of 茶馆" in advice
    assert "bought_at" not in advice


async def test_an_urgent_ticket_pages_somebody_and_is_answered_by_the_model() -> None:
    run = MemoryRun()
    result = await run.go(example("triage-ticket"))
    assert result.output["queue"] == "urgent"
    assert str(result.output["reply"]).startswith(MARK)
    assert run.messages == ["On call: Ada cannot wait. Cannot log in"]


async def test_a_ticket_about_an_invoice_goes_to_accounting_and_pages_nobody() -> None:
    run = MemoryRun()
    result = await run.go(
        example("triage-ticket"), {"subject": "账单", "text": "Where is my invoice?", "customer": "李雷"}
    )
    assert result.output["queue"] == "billing"
    assert str(result.output["reply"]).startswith('Dear 李雷, thank you for your message about "账单".')
    assert run.messages == []


async def test_articles_are_translated_in_their_order_each_by_the_workflow_beside() -> None:
    result = await MemoryRun().go(example("translate-articles"), {"language": "French"})
    assert result.output["titles"] == ["西湖", "茶", "桥"]
    texts = result.output["texts"]
    assert isinstance(texts, list)
    assert ["西湖在杭州" in str(texts[0]), "龙井茶" in str(texts[1]), "断桥" in str(texts[2])] == [True, True, True]


async def test_a_text_without_a_word_is_not_translated() -> None:
    result = await MemoryRun().go(example("translate-text"), {"title": "空", "text": ""})
    assert (result.output, result.usage) == ({"title": "空", "text": ""}, {})


async def test_a_small_expense_passes_by_itself() -> None:
    result = await MemoryRun().go(example("approve-expense"), {"employee": "Ada", "amount": 12.5, "purpose": "pens"})
    assert result.output == {"decision": "12.5 € for Ada: paid, no approval needed.", "answer": ""}


async def test_a_large_expense_waits_for_its_approval_and_for_where_to_book_it() -> None:
    run = MemoryRun()
    result = await run.go(example("approve-expense"), {}, {"ask": "approve", "booking": {"cost_centre": "研发"}})
    assert result.output["decision"] == "420 € for 韩梅梅: approved, booked on 研发."
    assert run.messages == [result.output["decision"]]


async def test_a_refusal_says_why() -> None:
    answers = {"ask": "reject", "refusal": "reason: 太贵了"}
    result = await MemoryRun().go(example("approve-expense"), {"employee": "李雷", "amount": 9_000}, answers)
    assert result.output["decision"] == "9000 € for 李雷: rejected. 太贵了"


async def test_the_best_offer_is_kept_the_sold_out_one_passed_over_and_a_bargain_ends_the_search() -> None:
    result = await MemoryRun().go(example("choose-offer"))
    assert result.output["supplier"] == "Contoso"
    assert result.output["considered"] == ["Northwind: 8900", "长城家具: 7200", "Contoso: 6900"]


async def test_when_no_offer_will_do_no_model_is_asked() -> None:
    offers: list[Json] = [{"supplier": "Contoso", "price": 50, "days": 1, "in_stock": False}]
    result = await MemoryRun().go(example("choose-offer"), {"item": "a lamp", "offers": offers, "budget": 20})
    assert result.output["letter"] == "No offer for a lamp is in stock within 20 €."
    assert result.usage == {}


async def test_the_report_answers_with_what_both_branches_wrote() -> None:
    run = MemoryRun()
    result = await run.go(example("morning-report"), {"name": "Ada", "city": "London"})
    assert result.answer is not None
    assert result.answer.startswith(MARK)
    assert "a morning in London" in result.answer
    assert "a day in London" in result.answer
    assert result.answer.endswith("Have a good day, Ada!")
    assert run.messages[:2] == ["早上好，Ada！ Your report is being written.", "Coffee is ready."]


async def test_shipping_calls_each_service_once_for_each_parcel_and_carries_a_key_for_each() -> None:
    run = MemoryRun()
    result = await run.go(example("ship-order"), {"parcels": ["茶", "lamp"]})
    assert run.shop.called == ["reserve", "charge", "courier", "courier", "mail"]
    assert len({*run.shop.keys}) == 5
    assert result.output["labels"] == ["茶 → courier 3", "lamp → courier 4"]


async def test_an_invoice_is_added_up_to_the_cent_and_written_with_its_dearest_line_first() -> None:
    result = await MemoryRun().go(example("write-invoice"))
    assert result.output == {
        "invoice": "发票 · Invoice\n韩梅梅\n\n1. teapot: 1 × 39.90 = 39.90 €\n2. 杯子: 6 × 4.15 = 24.90 €\n"
        "3. 龙井茶: 2 × 12.35 = 24.70 €\n\nNet 89.50 €, tax 17.01 €\n合计 · Total 106.51 €",
        "total": 106.51,
    }


async def test_an_input_of_the_wrong_type_is_named() -> None:
    with pytest.raises(FlowError, match="offers"):
        await MemoryRun().go(example("choose-offer"), {"offers": "none"})
