"""Fuzzing for longer than a test run may take: `python -m tests.interchange.fuzz 500` tries so many canvases."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    os.environ["FUZZ_EXAMPLES"] = sys.argv[1] if len(sys.argv) > 1 else "500"
    sys.exit(pytest.main([str(Path(__file__).with_name("test_fuzz.py")), "-q", "-x", "--hypothesis-show-statistics"]))
