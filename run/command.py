"""The app's command line as a process: `python -m app.cli` would load that module twice."""

from __future__ import annotations

from app import create_app
from app.cli import main

if __name__ == "__main__":
    main(create_app)
