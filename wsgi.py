"""What gunicorn loads: the whole application, gevent-patched before anything else is imported."""

from gevent import monkey

monkey.patch_all()

from app import create_app  # noqa: E402

app = create_app()
