"""gunicorn's configuration, with clients given up after two seconds."""

from pathlib import Path

exec((Path(__file__).resolve().parent.parent / "gunicorn.conf.py").read_text())  # its hooks see these globals

CLIENT_SECONDS = 2
