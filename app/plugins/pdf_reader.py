"""pdf-reader: the text of PDFs, read by a process of its own that can be ended: some PDFs never do."""

from __future__ import annotations

import sys
from pathlib import Path

from app.domain.calls import Cancellation
from app.domain.plugins import PluginFailed
from app.egress import ended_early
from app.plugins import children

PROGRAM = Path(__file__).with_name("pdf_text.py")
SECONDS = 20.0
MOST_BYTES = 20 << 20
HEAD = b"%PDF-"


def read(data: bytes, pages: int, characters: int, cancellation: Cancellation) -> str:
    """Return the text of a PDF's first pages, at most so many characters; raise PluginFailed."""
    if HEAD not in data[:1024]:
        raise PluginFailed("The file is not a PDF.")
    command = [sys.executable, "-I", str(PROGRAM), str(pages), str(characters)]
    try:
        ended = children.run(command, data, SECONDS, 4 * characters + 1_000, cancellation)
    except OSError:
        raise PluginFailed("The reader could not be started.") from None
    if (early := ended_early(cancellation)) is not None:
        raise early
    if ended.late:
        raise PluginFailed(f"The PDF could not be read within {SECONDS:g} seconds.")
    if ended.status != 0:
        raise PluginFailed("The PDF is damaged, encrypted or too large to be read.")
    return ended.output.decode(errors="replace")[:characters]
