"""Plugins, as rules: what a body may ask, what they add at most, texts, citations, memories, PDFs."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from app.domain import memories, plugin_options, plugin_texts, plugins, relevance
from app.domain.bounds import Bound
from app.domain.errors import InvalidFields, InvalidRequest, PluginRequiresPaid
from app.domain.pdf_parts import Pdf, count, pdf_of, replaced
from app.domain.plugin_bounds import widened
from app.domain.plugin_texts import Source, citations, numbered
from app.domain.plugins import InUse, cut, last_user_text, put_in_front

WEB = InUse("web-search", options={"results": 5})
CODE = InUse("code-exec", options={"seconds": 5})
PAINTER = InUse("image-gen", options={"usd_per_image": "0.04", "most_images": 2})
PDF_DATA = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4").decode()


def test_what_is_asked_for_is_named_once() -> None:
    assert plugins.asked({"plugins": ["memory", "web-search", "memory"]}) == ("memory", "web-search")
    assert plugins.asked({}) == plugins.asked({"plugins": []}) == plugins.asked({"plugins": None}) == ()


@pytest.mark.parametrize("wrong", ["memory", ["nope"], [1], [["memory"]], {"id": "memory"}, ["memory"] * 21])
def test_nonsense_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plugins.asked({"plugins": wrong})
    assert caught.value.param == "plugins"


def test_a_plan_allows_all_or_those_it_names() -> None:
    plugins.check_plan(["memory"], "Team", None)
    plugins.check_plan(["web-search"], "Free", ("web-search",))
    with pytest.raises(PluginRequiresPaid, match="'memory' is not part of the plan Free"):
        plugins.check_plan(["web-search", "memory"], "Free", ("web-search",))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"n": 2}, "n"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"tools": [{"type": "function", "function": {"name": "sluice_run_python"}}]}, "tools"),
    ],
)
def test_what_does_not_go_with_our_tools_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plugins.check_body(["code-exec"], body)
    assert caught.value.param == param
    plugins.check_body(["web-search"], body)


def test_the_bound_covers_context_pictures_and_one_further_round() -> None:
    plain = Bound(100, 50)
    assert widened(plain, [WEB]).all_input_tokens == 100 + plugin_texts.WEB_BYTES + plugin_texts.FRAME_BYTES
    with_tool = widened(plain, [CODE])
    assert with_tool.all_output_tokens(50) == 100 and with_tool.all_input_tokens > 200
    assert widened(plain, [PAINTER]).fixed_nano_usd == 80_000_000
    assert widened(plain, ()).all_input_tokens == 100


@pytest.mark.parametrize("most", [0, 1, 400, 8_000])
def test_sources_never_pass_their_room(most: int) -> None:
    sources = [Source("Ä" * 500, "https://example.com/" + "x" * 900, "ß" * 9_000)] * 10
    text = numbered(plugin_texts.WEB, sources, most)
    assert len(text.encode()) <= most + plugin_texts.FRAME_BYTES


def test_sources_come_after_what_is_the_same_for_every_call() -> None:
    system, user = {"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}
    assert put_in_front([system, user], "found") == [system, {"role": "system", "content": "found"}, user]


def test_citations_stand_where_the_answer_names_its_sources() -> None:
    sources = [Source("A", "https://a.example", ""), Source("B", "https://b.example", "")]
    found = [each["url_citation"] for each in citations("Yes [2], no [9].", sources)]
    assert [(each["start_index"], each["end_index"], each["title"]) for each in found] == [(4, 7, "B")]
    assert [each["url_citation"]["title"] for each in citations("No numbers.", sources)] == ["A", "B"]


def test_the_last_thing_the_user_said() -> None:
    parts = [{"type": "text", "text": "What is"}, {"type": "image_url"}, {"type": "text", "text": "this?"}]
    said = [{"role": "user", "content": "Hi"}, {"role": "user", "content": parts}, {"role": "tool"}]
    assert last_user_text(said, 100) == "What is this?"
    assert last_user_text([{"role": "system", "content": "x"}], 100) == ""
    assert cut("aß", 2) == "a"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Hi! My name is Ann. What is a weir?", ["My name is Ann."]),
        ("Please remember that I pay in euros.", ["I pay in euros."]),
        (
            "I prefer tea. I'm from Graz! i don't eat meat",
            ["I prefer tea.", "I'm from Graz!", "i don't eat meat"],
        ),
        ("I am trying to fix this bug. Is my name is a question?", []),
        ("Remember: the door code is 4711\x00", ["the door code is 4711"]),
        ("I like " + "x" * 400 + ".", []),
        ("My cat is called Tom. My cat is called Tom.", ["My cat is called Tom."]),
        ("", []),
    ],
)
def test_what_is_kept_of_a_message(text: str, kept: list[str]) -> None:
    assert memories.worth_keeping(text) == kept


def test_memories_that_share_words_come_first_then_the_newest() -> None:
    newest_first = ["I like tea.", "My name is Ann.", "I live in Graz."]
    assert memories.relevant("Which tram goes through Graz?", newest_first)[0] == "I live in Graz."
    assert memories.relevant("Hello", newest_first) == newest_first


def test_a_rare_word_tells_more_than_a_common_one() -> None:
    texts = ["the whale and the sea", "the sea and the sea", "the sea and a harpoon"]
    assert relevance.best("harpoon at sea", texts, 2)[0] == 2
    assert relevance.best("zebra", texts, 2) == []


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ('What happens in "Moby Dick"?', "Moby Dick"),
        ("Who wrote Pride and Prejudice?", "Pride and Prejudice"),
        ("tell me about whale hunting", "whale hunting"),
    ],
)
def test_what_is_searched_in_a_catalog_of_books(question: str, first: str) -> None:
    assert relevance.searches(question)[0] == first


def test_passages_are_neither_tiny_nor_huge() -> None:
    found = relevance.passages("a b\n\nc d\n\n" + "word " * 1_000)
    assert "".join(found).count("word") == 1_000 and max(map(len, found)) <= 1_800


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": PDF_DATA}}, Pdf("a.pdf", b"%PDF-1.4")),
        ({"type": "file", "file": {"file_data": "https://x.example/a.pdf"}}, Pdf("file.pdf", url="https://x.example/a.pdf")),
        ({"type": "document", "source": {"type": "url", "url": "https://x.example/b"}}, Pdf("file.pdf", url="https://x.example/b")),
        ({"type": "file", "file": {"file_data": "data:image/png;base64,AAAA"}}, None),
        ({"type": "file", "file": {"file_data": "http://x.example/a.pdf"}}, None),
        ({"type": "file", "file": {"file_id": "file-1"}}, None),
        ({"type": "text", "text": "hi"}, None),
        ("text", None),
    ],
)  # fmt: skip
def test_which_parts_are_pdfs(part: Any, found: Pdf | None) -> None:
    assert pdf_of(part) == found


def test_only_pdfs_are_replaced() -> None:
    pdf = {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF_DATA}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "Read"}, pdf]},
        {"role": "user", "content": "x"},
    ]
    assert count(messages) == 1
    first, second = replaced(messages, lambda each: f"<{each.name}>")
    assert first["content"][1] == {"type": "text", "text": "<a.pdf>"} and second is messages[1]


def test_options_have_defaults_and_prices_have_none() -> None:
    assert plugin_options.parse("pdf-reader", {}) == {"pages": 100, "characters": 60_000}
    assert plugin_options.parse("image-gen", {"usd_per_image": "0.040"})["usd_per_image"] == "0.04"
    with pytest.raises(InvalidFields) as caught:
        plugin_options.parse("image-gen", {"size": "huge", "most_images": 9})
    assert set(caught.value.errors) == {"usd_per_image", "size", "most_images"}
