"""A WSGI app that says what it saw of a request, and answers in every way that a server must frame."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
from collections.abc import Callable, Iterable, Iterator  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402

Start = Callable[..., Any]
JSON = [("Content-Type", "application/json")]
ended: list[str] = []  # how the streams that this worker served came to their end


def app(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    """Answer by the path's last part; unknown ones get what the server made of their request."""
    answer = ANSWERS.get(environ["PATH_INFO"].split("/")[-1], seen)
    return answer(environ, start_response)


def seen(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    told = {name: text for name, text in environ.items() if isinstance(text, str)}
    body = environ["wsgi.input"].read()
    data = json.dumps(told | {"body": body.decode("latin-1")}).encode()
    start_response("200 OK", [*JSON, ("Content-Length", str(len(data)))])
    return [data]


def unread(_environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "6")])
    return [b"unread"]


def lines(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    found = [line.decode("latin-1") for line in environ["wsgi.input"]]
    start_response("200 OK", JSON)
    return [json.dumps(found).encode()]


def stream(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return parts(environ["QUERY_STRING"])


def parts(pause: str) -> Iterator[bytes]:
    try:
        for part in (b"one ", b"", b"two ", b"three"):
            yield part
            gevent.sleep(float(pause or 0))
    except GeneratorExit:
        ended.append("closed")
        raise
    ended.append("finished")


def endless(_environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return flood()


def flood() -> Iterator[bytes]:
    try:
        while True:
            yield b"x" * 65_536
    finally:
        ended.append("closed")


def watched(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    """Wait until the client hangs up, by the server's own word where it gives one."""
    client = environ.get("sluice.client")
    if client is not None:
        gone = gevent.event.Event()
        client.when_gone(gone.set)
        ended.append("gone" if gone.wait(5) else "stayed")
    return unread(environ, start_response)


def whole(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    """Say whether the body was here before it was read."""
    client = environ.get("sluice.client")
    body = client.whole_body() if client is not None else environ["wsgi.input"].read()
    start_response("200 OK", JSON)
    length = -1 if body is None else len(body)
    return [json.dumps([length, len(environ["wsgi.input"].read())]).encode()]


def fates(_environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    data = json.dumps(ended).encode()
    start_response("200 OK", [*JSON, ("Content-Length", str(len(data)))])
    return [data]


def status(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    code = environ["QUERY_STRING"]
    start_response(f"{code} Told", [("Content-Type", "text/plain")])
    return [] if code in ("204", "304") else [b"body"]


def crash(_environ: dict[str, Any], _start_response: Start) -> Iterable[bytes]:
    raise RuntimeError("a secret")


def break_off(_environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", JSON)
    yield b"half"
    raise RuntimeError("a secret")


def short(_environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "10")])
    return [b"short"]


def long(_environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "4")])
    return [b"lo", b"ng too long"]


def injected(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    """Answer with the header that the query names, its escapes undone."""
    text = environ["QUERY_STRING"].encode().decode("unicode_escape")
    name, _, value = text.partition("=")
    start_response("200 OK", [(name, value), ("Content-Length", "2")])
    return [b"ok"]


ANSWERS: dict[str, Callable[[dict[str, Any], Start], Iterable[bytes]]] = {
    "unread": unread,
    "lines": lines,
    "stream": stream,
    "endless": endless,
    "watched": watched,
    "whole": whole,
    "fates": fates,
    "status": status,
    "crash": crash,
    "break-off": break_off,
    "short": short,
    "long": long,
    "injected": injected,
}
