"""`mainspring demo` kills a worker, and counts what arrived."""

from __future__ import annotations

from tests.cli.command import mainspring


def test_no_finished_step_runs_twice_although_the_worker_was_killed() -> None:
    done = mainspring("demo")
    assert done.returncode == 0, done.stderr
    assert "No finished step ran twice." in done.stdout
    held = next(line for line in done.stdout.splitlines() if "in flight" in line)
    assert held.split()[-4:] == ["2", "1", "in", "flight"]
    finished = [line for line in done.stdout.splitlines() if line.rstrip().endswith("finished")]
    assert [line.split()[-3:] for line in finished] == [["1", "1", "finished"]] * 3
    assert '"order": "A-1001"' in done.stdout
    assert "kill -9" in done.stderr
