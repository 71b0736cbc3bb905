"""PDF: the text of its pages, by PDFium. A PDF knows no tables."""

from __future__ import annotations

import struct
from typing import Final

import pypdfium2

from workers.coderunner.documents.extract import Extract, damaged, refused

_PASSWORD: Final = 4
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_SIZE: Final = 22


def read_pdf(data: bytes, extract: Extract) -> None:
    """Read every page, with an empty line between two."""
    _check_end(data)
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == _PASSWORD:
            raise refused("The PDF is protected by a password.") from None
        raise damaged("it is no PDF that can be opened") from None
    extract.count_pages(len(document))
    for number in range(len(document)):
        try:
            page = document[number]
            text = page.get_textpage()
        except pypdfium2.PdfiumError:
            raise damaged(f"page {number + 1} cannot be read") from None
        # PDFium marks where a word was divided at the end of a line.
        extract.write(text.get_text_bounded().replace("\ufffe\r\n", "").replace("\ufffe", "-").rstrip() + "\n\n")
        text.close()
        page.close()


def _check_end(data: bytes) -> None:
    """Refuse what is a PDF from the front and a ZIP archive from the back."""
    at = data.rfind(_ZIP_END, max(0, len(data) - _ZIP_END_SIZE - 0xFFFF))
    if at < 0 or at + _ZIP_END_SIZE > len(data):
        return
    entries, size, offset, comment = struct.unpack_from("<HLLH", data, at + 10)
    if at + _ZIP_END_SIZE + comment == len(data) or (entries and size <= at and offset <= at - size):
        raise refused("The file is refused: it is a PDF and a ZIP archive at once.")
