"""Figures: percentiles, the table that is printed, and the lines of JSON that are kept."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass
class Figure:
    """One line of the table. `floor` is what a bare workflow took, in the same unit; `aim` what was asked for."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    aim: str = ""
    met: bool | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times the floor."""
        return None if not self.floor else self.value / self.floor


class Report:
    """Prints figures as they come, and keeps them as lines of JSON."""

    def __init__(self, file: Path | None, out: TextIO = sys.stdout) -> None:
        self._file, self._out = file, out
        self.figures: list[Figure] = []
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("")
        self._write({"machine": platform.machine(), "python": platform.python_version(), "system": platform.platform()})
        self._out.write(f"{'what':46} {'value':>12} {'floor':>10} {'ratio':>7}  aim\n{'-' * 100}\n")

    def add(self, figure: Figure) -> None:
        """Print a figure and keep it."""
        self.figures.append(figure)
        floor = "" if figure.floor is None else f"{figure.floor:.1f}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}×"
        verdict = {None: "", True: " ✓", False: " ✗"}[figure.met]
        value = f"{figure.value:.1f} {figure.unit}"
        self._out.write(f"{figure.name:46} {value:>12} {floor:>10} {ratio:>7}  {figure.aim}{verdict}\n")
        self._out.flush()
        self._write({"name": figure.name, "value": figure.value, "unit": figure.unit, "floor": figure.floor,
                     "ratio": figure.ratio, "aim": figure.aim, "met": figure.met, **figure.more})  # fmt: skip

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            with self._file.open("a") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
