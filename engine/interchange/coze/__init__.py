"""Canvases that Coze Studio and Coze Plus saved: read, and translated into ours."""

from engine.interchange.coze.importer import Imported, import_canvas
from engine.interchange.external_ids import ExternalIds

__all__ = ["ExternalIds", "Imported", "import_canvas"]
