"""How a run goes, on standard error: lines for a log, or a table that moves where there is a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from cli.run_view import Row, RunView, seconds

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Event = Mapping[str, Any]

MARKS: Final = {
    "running": "·",
    "waiting": "?",
    "succeeded": "✓",
    "failed": "✗",
    "skipped": "-",
    "cancelled": "■",
}
_COLOURS: Final = {
    "waiting": "yellow",
    "succeeded": "green",
    "failed": "red",
    "skipped": "bright_black",
    "cancelled": "yellow",
}
_TOLD_TURNS: Final = 5
_LONGEST_NOTE: Final = 200


class Progress(Protocol):
    """Shows the events of a run."""

    @property
    def view(self) -> RunView: ...
    def take(self, event: Event) -> None: ...
    def pause(self) -> None:
        """Leave the terminal to somebody else, until the next event."""

    def close(self) -> None: ...


class Silence:
    """Shows nothing."""

    def __init__(self) -> None:
        self.view = RunView()

    def take(self, event: Event) -> None:
        self.view.take(event)

    def pause(self) -> None:
        """There is nothing to be paused."""

    def close(self) -> None:
        """There is nothing to be closed."""


class Lines:
    """A line for each step that ended; texts as they come."""

    def __init__(self) -> None:
        self.view = RunView()
        self._speaking = ""
        self._told: dict[str, str] = {}
        self._held: list[str] = []

    def take(self, event: Event) -> None:
        row = self.view.take(event)
        match event["type"]:
            case "message.delta":
                self._say(event["path"], event["data"]["text"])
            case "message.reset":
                self._told.pop(event["path"], None)
                self._hush()
                self._say(event["path"], event["data"].get("text") or "")
            case "message.completed":
                whole, told = str(event["data"]["text"]), self._told.pop(event["path"], "")
                # A message that did not stream comes here in one piece.
                self._say(event["path"], whole[len(told) :] if whole.startswith(told) else whole)
                self._hush()
            case "step.skipped":
                pass
            case "step.retried" if row is not None:
                self._line(f"  {MARKS['running']} {_name(row, event['path'])}: {row.note}")
            case kind if row is not None and kind.startswith("step.") and kind != "step.started":
                self._ended(row, event["path"])

    def pause(self) -> None:
        self._hush()

    def close(self) -> None:
        self._hush()

    def _ended(self, row: Row, path: str) -> None:
        latest = row.latest
        # Of a loop of ten thousand turns nobody reads ten thousand lines.
        if row.done > _TOLD_TURNS and latest.state == "succeeded" and "[" in path:
            if row.done == _TOLD_TURNS + 1:
                self._line(f"  … further turns of {row.title} are counted, not shown")
            return
        mark = click.style(MARKS[latest.state], fg=_COLOURS.get(latest.state))
        words = [f"  {mark} {_name(row, path)}", click.style(row.node_type, dim=True)]
        words += _facts(latest.took_ms, latest.tokens, row)
        self._line("  ".join(word for word in words if word))

    def _say(self, path: str, text: str) -> None:
        if not text:
            return
        if self._speaking != path:
            self._hush()
            click.echo("  » ", nl=False, err=True)
            self._speaking = path
        self._told[path] = self._told.get(path, "") + text
        click.echo(text.replace("\n", "\n    "), nl=False, err=True)

    def _hush(self) -> None:
        if self._speaking:
            click.echo(err=True)
            self._speaking = ""
        for line in self._held:
            click.echo(line, err=True)
        self._held.clear()

    def _line(self, text: str) -> None:
        self._held.append(text)
        # What happens while a text is being said is told after it.
        if not self._speaking:
            self._hush()


class Table:
    """A table that moves: one line for each node, with a spinner while it works."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        self.view = RunView()
        self._spinner = Spinner("dots")
        self._texts: dict[str, str] = {}
        self._console: Console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        self._live = Live(console=self._console, get_renderable=self._render, refresh_per_second=12, transient=False)
        self._moving = False

    def take(self, event: Event) -> None:
        self._move()
        self.view.take(event)
        path = event["path"]
        match event["type"]:
            case "message.delta":
                self._texts[path] = self._texts.get(path, "") + event["data"]["text"]
            case "message.reset":
                self._texts[path] = event["data"].get("text") or ""
            case "message.completed":
                self._texts.pop(path, None)
                self._console.print(f"» {event['data']['text']}")

    def pause(self) -> None:
        if self._moving:
            self._live.stop()
            self._moving = False

    def close(self) -> None:
        self.pause()

    def _move(self) -> None:
        if not self._moving:
            self._live.start()
            self._moving = True

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table as Grid
        from rich.text import Text

        grid = Grid.grid(padding=(0, 2))
        for row in [*self.view.rows.values()]:
            if row.state == "skipped":
                continue
            busy = row.state == "running"
            mark = self._spinner if busy else Text(MARKS[row.state], style=_COLOURS.get(row.state, ""))
            title = Text("  " * row.depth + row.title, overflow="ellipsis", no_wrap=True)
            grid.add_row(
                mark,
                title,
                Text(row.node_type, style="dim"),
                Text("  ".join(_turns(row) + _facts(row.took_ms, row.tokens, row)), overflow="fold"),
            )
        texts = [Padding(Text(text[-2_000:]), (0, 0, 0, 2)) for text in [*self._texts.values()]]
        return Group(grid, *texts)


def make_progress(*, quiet: bool, terminal: bool) -> Progress:
    """The progress that fits where standard error goes."""
    if quiet:
        return Silence()
    return Table() if terminal else Lines()


def _name(row: Row, path: str) -> str:
    turn = path[path.index("[") : path.rindex("]") + 1] if "[" in path else ""
    return f"{'  ' * row.depth}{row.title}{turn and f' {turn}'}"


def _turns(row: Row) -> list[str]:
    return [f"×{row.done}"] if row.done > 1 else []


def _facts(took_ms: int, tokens: int, row: Row) -> list[str]:
    facts = []
    if took_ms:
        facts.append(seconds(took_ms))
    if tokens:
        facts.append(f"{tokens} tokens")
    if row.handled:
        facts.append(f"went on with its {row.handled}")
    if row.note:
        facts.append(row.note if len(row.note) <= _LONGEST_NOTE else f"{row.note[:_LONGEST_NOTE]}…")
    return facts
