"""`python -m bench`: measures, prints a table, and writes lines of JSON."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from bench import cases
from bench.figures import Report


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a third of the runs")
    parser.add_argument("--only", default="", help="only cases whose name holds this")
    parser.add_argument("--json", type=Path, default=Path("bench/results/latest.jsonl"), help="where the lines go")
    options = parser.parse_args()
    report = Report(options.json)
    with tempfile.TemporaryDirectory(prefix="mainspring-bench-") as folder:
        asyncio.run(cases.run_all(Path(folder), report, only=options.only, share=0.34 if options.quick else 1.0))


if __name__ == "__main__":
    main()
