"""The plugins' servers: books, pictures, PDFs, and what goes wrong with them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from app import egress
from app.domain.calls import Cancellation
from app.domain.plugins import InUse, PluginFailed
from app.plugins import backend, gutenberg, image_gen, pdf_reader, web_search
from tests.upstream import Upstream
from tests.upstream_replies import Hang, Reply, error_reply, json_reply

WHALES = "\n\n".join(
    ["*** START OF THE PROJECT ***", "Call me Ishmael. " * 40, "The white whale breached. " * 30]
)


@pytest.fixture
def server() -> Iterator[Upstream]:
    """A server that may be private, as the operator allows."""
    with Upstream() as upstream:
        egress.configure(private_upstreams=frozenset({upstream.place}))
        yield upstream
        egress.configure(private_upstreams=frozenset())


def using(server: Upstream, name: str, **options: object) -> InUse:
    return InUse(name, server.url, "a-secret", options)


def book(server: Upstream, number: int = 2701) -> dict[str, object]:
    formats = {"text/plain; charset=utf-8": f"{server.url}/text/{number}", "text/html": "https://x.example"}
    people = [{"name": "Melville, Herman"}]
    return {"id": number, "title": "Moby Dick", "authors": people, "formats": formats}


def test_a_book_comes_with_the_passages_that_fit(server: Upstream) -> None:
    server.script("GET /books?search=Moby%20Dick", json_reply({"results": [book(server), {"title": None}]}))
    moved = Reply([b""], 302, {"Location": "/moved"}, framing="length")
    server.script("GET /text/2701", moved)
    server.script("GET /moved", Reply([WHALES.encode()], framing="length"))
    [found] = gutenberg.find(using(server, "gutenberg", books=2), 'The whale in "Moby Dick"?', Cancellation())
    assert found.title == "Moby Dick (Melville, Herman)"
    assert found.url == "https://www.gutenberg.org/ebooks/2701"
    assert "white whale" in found.text and "Ishmael" not in found.text


def test_a_book_without_its_text_is_still_named(server: Upstream) -> None:
    server.script("GET /books?search=whales", json_reply({"results": [book(server)]}))
    server.script("GET /text/2701", error_reply(500))
    [found] = gutenberg.find(using(server, "gutenberg", books=1), "whales", Cancellation())
    assert "No passage" in found.text


def test_texts_at_other_private_places_are_not_fetched(server: Upstream) -> None:
    with Upstream() as other:
        egress.configure(private_upstreams=frozenset({server.place, other.place}))
        with pytest.raises(PluginFailed, match="could not be reached"):
            backend.fetch(f"{other.url}/text", Cancellation(), 100, trusted=server.url)
        server.script("GET /text", Reply([b""], 302, {"Location": f"{other.url}/x"}, framing="length"))
        with pytest.raises(PluginFailed):
            backend.fetch(f"{server.url}/text", Cancellation(), 100, trusted=server.url)
        assert other.requests == []


def test_redirects_come_to_an_end(server: Upstream) -> None:
    server.script("GET /round", Reply([b""], 302, {"Location": "/round"}, framing="length"))
    with pytest.raises(PluginFailed, match="one address to the next"):
        backend.fetch(f"{server.url}/round", Cancellation(), 100, trusted=server.url)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (error_reply(500), "500"),
        (error_reply(403), "check its key"),
        (Reply([b"<html>"], framing="length"), "cannot be read"),
        (json_reply({"results": None}), "cannot be read"),
        (json_reply([1]), "cannot be read"),
    ],
)
def test_a_search_server_that_fails_is_told_in_plain_words(
    server: Upstream, reply: Reply, words: str
) -> None:
    server.script("GET /search?q=x&format=json", reply)
    with pytest.raises(PluginFailed, match=words):
        web_search.search(using(server, "web-search", results=5), "x", Cancellation())


def test_what_is_no_page_is_left_out(server: Upstream) -> None:
    odd = [1, {"url": "javascript:alert(1)"}, {"title": "no url"}, {"url": "https://ok.example", "title": 5}]
    server.script("GET /search?q=x&format=json&language=de", json_reply({"results": odd}))
    found = web_search.search(using(server, "web-search", results=5, language="de"), "x", Cancellation())
    assert [(page.url, page.title) for page in found] == [("https://ok.example", "https://ok.example")]


def test_a_silent_server_is_given_up(server: Upstream) -> None:
    server.script("GET /slow", Reply([Hang]))
    with pytest.raises(PluginFailed, match="in time|cut off"):
        backend.get_json(using(server, "web-search"), f"{server.url}/slow", Cancellation(), seconds=0.2)


JPEG = base64.b64encode(b"\xff\xd8\xff\xe0").decode()


@pytest.mark.parametrize(
    ("answer", "url"),
    [
        ({"data": [{"url": "https://cdn.example/a.png"}]}, "https://cdn.example/a.png"),
        ({"data": [{"b64_json": JPEG}]}, f"data:image/jpeg;base64,{JPEG}"),
    ],
)
def test_a_picture_is_an_address_or_data(server: Upstream, answer: object, url: str) -> None:
    server.script("painter", json_reply(answer))
    use = using(server, "image-gen", model="painter", size="", usd_per_image="0.04")
    assert image_gen.make(use, "A cat", Cancellation()).url == url
    sent = server.requests[0]
    assert sent.path == "/images/generations" and sent.headers["authorization"] == "Bearer a-secret"
    assert sent.json == {"prompt": "A cat", "n": 1, "model": "painter"}


@pytest.mark.parametrize(
    "answer", [{"data": []}, {"data": [{"b64_json": "!!"}]}, {"data": [{"url": "ftp://x"}]}]
)
def test_what_is_no_picture_is_refused(server: Upstream, answer: object) -> None:
    server.script("painter", json_reply(answer))
    with pytest.raises(PluginFailed):
        image_gen.make(using(server, "image-gen", model="painter"), "A cat", Cancellation())


def pdf(*pages: str) -> bytes:
    """Return a PDF with these pages of text."""
    writer = pypdf.PdfWriter()
    font = {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1")}
    font[NameObject("/BaseFont")] = NameObject("/Helvetica")
    for text in pages:
        page = writer.add_blank_page(200, 200)
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 10 100 Td ({text}) Tj ET".encode())
        fonts = DictionaryObject({NameObject("/F1"): DictionaryObject(font)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        page[NameObject("/Contents")] = stream
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_pdf_is_read_up_to_its_limits() -> None:
    data = pdf("First page", "Second page", "Third page")
    assert pdf_reader.read(data, 2, 1_000, Cancellation()) == "First page\nSecond page\n"
    assert pdf_reader.read(data, 9, 15, Cancellation()) == "First page\nSeco"


@pytest.mark.parametrize("data", [b"hello", b"%PDF-1.7 and then nothing", b""])
def test_what_is_no_pdf_is_told(data: bytes) -> None:
    with pytest.raises(PluginFailed):
        pdf_reader.read(data, 2, 1_000, Cancellation())


def test_a_pdf_that_takes_forever_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    endless = tmp_path / "endless.py"  # type: ignore[operator]
    endless.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(pdf_reader, "PROGRAM", endless)
    monkeypatch.setattr(pdf_reader, "SECONDS", 0.3)
    with pytest.raises(PluginFailed, match="within 0.3 seconds"):
        pdf_reader.read(pdf("x"), 1, 100, Cancellation())
