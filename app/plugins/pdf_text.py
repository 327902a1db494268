"""A program: a PDF comes in, the text of its pages goes out. `python pdf_text.py PAGES CHARACTERS`."""

from __future__ import annotations

import io
import logging
import resource
import sys

import pypdf

CPU_SECONDS = 20
MEMORY_BYTES = 1 << 30


def main() -> int:
    """Read stdin, write the text; 1 where there is none to be had."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()
    pages, left = int(sys.argv[1]), int(sys.argv[2])
    try:
        reader = pypdf.PdfReader(io.BytesIO(sys.stdin.buffer.read()))
        for number in range(min(pages, len(reader.pages))):
            text = reader.pages[number].extract_text()[: max(0, left)]
            sys.stdout.buffer.write(f"{text}\n".encode(errors="replace"))
            left -= len(text) + 1
            if left <= 0:
                break
    except Exception:  # whatever a hostile file brings about
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
