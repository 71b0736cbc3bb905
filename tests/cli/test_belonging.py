"""A data folder is served with the Temporal that its runs are in, and with no other."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import FREE_PORTS, mainspring, service


def test_the_same_folder_starts_again_but_not_with_another_namespace(tmp_path: Path) -> None:
    said = (*FREE_PORTS, "--data-dir", tmp_path)
    for _ in range(2):
        with service("up", *said, until="Ctrl-C stops it") as running:
            assert running.stop() == 0
    refused = mainspring("up", *said, TEMPORAL_NAMESPACE="elsewhere")
    assert refused.returncode == 1
    assert "the namespace default of" in refused.stderr
    assert "this is the namespace elsewhere" in refused.stderr
    assert "temporal-identity.json" in refused.stderr
