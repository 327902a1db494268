"""What gunicorn loads for crash tests, before it forks: signals and forks stay the master's own."""

from gevent import monkey

monkey.patch_all(signal=False, os=False, subprocess=False, queue=False)

from tests.crashing import application  # noqa: E402

app = application()
