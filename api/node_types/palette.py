"""The palette as bytes, made once: node types do not change while a process runs."""

from __future__ import annotations

from api.json_response import write_json
from nodes.library import Library
from nodes.palette import palette_entry


class Palette:
    """Every entry by its name, and all of them."""

    def __init__(self, library: Library) -> None:
        made = {name: palette_entry(node_type) for name, node_type in sorted(library.types.items())}
        self.entries = {name: write_json(entry) for name, entry in made.items()}
        diagnostics = [finding.to_json() for finding in library.diagnostics]
        self.all = write_json({"items": list(made.values()), "diagnostics": diagnostics})
