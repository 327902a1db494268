"""Where a call's time goes: the medians of the steps that the product tells in `Server-Timing`."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from urllib.parse import urlsplit

from run.bench.product import Gateway
from run.bench.settings import Call

CALLS_EACH = 200
CALLS_EACH_WHEN_QUICK = 20
WORDS = "The quick brown fox jumps over the lazy dog. " * 20
Steps = dict[str, float]  # milliseconds by step


def parse(header: str) -> Steps:
    """Read `name;dur=1.234, …`; what is not of that form is left out."""
    found = {}
    for part in header.split(","):
        name, _, rest = part.strip().partition(";dur=")
        try:
            found[name] = float(rest)
        except ValueError:
            continue
    return found


def medians(calls: list[Steps]) -> Steps:
    """Return each step's median over the calls that had it, in the order of the first call."""
    names = list(dict.fromkeys(name for call in calls for name in call))
    return {name: statistics.median(call[name] for call in calls if name in call) for name in names}


def profile(gateway: Gateway, calls: int) -> dict[str, Steps]:
    """Call every route one call after the other; return the medians, with the whole as the client saw it."""
    return {name: medians(timed(gateway, call, calls)) for name, call in gateway.calls.items()}


def timed(gateway: Gateway, call: Call, calls: int) -> list[Steps]:
    connection = http.client.HTTPConnection(urlsplit(gateway.base_url).netloc, timeout=30)
    headers = dict(header.split(": ", 1) for header in call.headers) | {"Content-Type": "application/json"}
    body = json.dumps({"model": call.model, "messages": [{"role": "user", "content": WORDS}]})
    found = []
    for _ in range(calls):
        began = time.perf_counter()
        connection.request("POST", call.path, body, headers)
        response = connection.getresponse()
        response.read()
        whole = (time.perf_counter() - began) * 1000
        found.append(parse(response.headers.get("Server-Timing", "")) | {"client": whole})
    connection.close()
    return found[calls // 10 :]
