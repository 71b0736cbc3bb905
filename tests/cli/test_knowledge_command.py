"""`mainspring knowledge`: from an empty folder to an answer, and what is said when something is not there."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

from tests.cli.command import mainspring, result, standing


def test_knowledge_is_made_filled_searched_and_taken_away(tmp_path: Path) -> None:
    rules, slides = tmp_path / "规则.md", tmp_path / "slides.pptx"
    rules.write_text("# 退款\n\n退款申请需要三天。\n\n# 运费\n\n运费由买家承担。", "utf-8")
    slides.write_bytes(b"PK")

    def knowledge(*words: str | Path, given: str = "") -> CompletedProcess[str]:
        return mainspring("knowledge", *words, "--data-dir", tmp_path / "数据", given=given)

    made = result(knowledge("create", "规则", "--description", "returns", "--json"))
    added = knowledge("add", "规则", rules, slides, "--size", "50", "--overlap", "0")
    assert added.returncode == 1
    assert "规则.md" in added.stdout
    assert "slides.pptx  failed: The name does not say what kind of file it is" in added.stderr
    with standing(tmp_path / "数据"):
        [tea] = result(knowledge("add", made["id"], "-", "--name", "a.txt", "--json", given="龙井每斤九十元。"))
        found = result(knowledge("search", "规则", "退款要几天", "--json"))
        assert "退款申请需要三天。" in found[0]["text"]
        listed = result(knowledge("list", "规则", "--json"))
        assert [(one["name"], one["state"]) for one in listed] == [
            ("a.txt", "ready"),
            ("slides.pptx", "failed"),
            ("规则.md", "ready"),
        ]
        assert knowledge("delete", "规则", tea["id"]).returncode == 0
        assert "Nothing was found." in knowledge("search", made["id"], "龙井多少钱").stdout
        assert knowledge("delete", "规则", "--yes").returncode == 0
        gone = knowledge("list", "规则")
        assert (gone.returncode, "There is no knowledge base called '规则'" in gone.stderr) == (1, True)
