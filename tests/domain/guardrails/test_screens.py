"""Screens of whole texts: spans, parts, overlaps, masks that can be undone, and ways around them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.guardrails import masks
from app.domain.guardrails.folding import casefolded, fold
from app.domain.guardrails.rules import effective
from app.domain.guardrails.screens import Screen, Unfinished
from tests.domain.guardrails.screening import found, masked, screen_of

WORDS = {"keywords": {"words": ["Project X", "straße"], "action": "mask"}}


def test_keywords_are_found_anywhere_whatever_their_case() -> None:
    assert found(WORDS, "theproject xylophone in der STRASSE, Straße") == [
        ("keyword", "project x"),
        ("keyword", "STRASSE"),
        ("keyword", "Straße"),
    ]


def test_a_mask_names_what_it_took_out() -> None:
    settings = {"pii": {"action": "mask"}, "secrets": {"action": "mask"}, **WORDS}
    text = "Mail erika@example.org or +49 30 1234567 about project x, token ghp_" + "a" * 36
    assert masked(settings, text) == (
        ["Mail [E-Mail REDACTED] or [Phone REDACTED] about [Keyword REDACTED], token [Secret REDACTED]"],
        {},
    )


def test_a_redaction_gives_the_same_placeholder_to_the_same_value_and_can_be_undone() -> None:
    texts = ("a@example.org, b@example.org", "again a@example.org")
    clean, vault = masked({"pii": {"action": "redact"}}, *texts)
    assert clean == ["[[EMAIL_001]], [[EMAIL_002]]", "again [[EMAIL_001]]"]
    assert vault == {"[[EMAIL_001]]": "a@example.org", "[[EMAIL_002]]": "b@example.org"}
    assert [masks.restore(text, vault) for text in clean] == list(texts)
    assert masks.restore("[[EMAIL_003]] and [[EMAIL_001]", vault) == "[[EMAIL_003]] and [[EMAIL_001]"


def test_a_placeholder_that_somebody_wrote_is_never_given_out() -> None:
    clean, vault = masked({"pii": {"action": "redact"}}, "Say [[EMAIL_001]] and a@example.org")
    assert clean == ["Say [[EMAIL_001]] and [[EMAIL_002]]"]
    assert "[[EMAIL_001]]" not in vault
    assert masks.restore(clean[0], vault) == "Say [[EMAIL_001]] and a@example.org"
    scan = screen_of({"pii": {"action": "redact"}}).scan(["b@example.org"])
    assert masks.apply(["b@example.org"], scan.findings, vault, ["before: [[EMAIL_003]]"]) == [
        "[[EMAIL_004]]"
    ]


def test_what_is_put_back_is_not_read_again() -> None:
    vault = {"[[KEYWORD_001]]": "[[EMAIL_001]]", "[[EMAIL_001]]": "a@example.org"}
    assert masks.restore("[[KEYWORD_001]]", vault) == "[[EMAIL_001]]"


def test_a_match_across_parts_is_taken_out_of_both() -> None:
    settings = {"patterns": {"patterns": [{"name": "pair", "pattern": r"red\s+green"}], "action": "mask"}}
    screen = screen_of(settings)
    texts = ["deep red", "", "green grass"]
    scan = screen.scan(texts)
    assert [(each.part, each.start, each.end, each.continued) for each in scan.findings] == [
        (0, 5, 8, False),
        (2, 0, 5, True),
    ]
    assert masks.apply(texts, scan.findings, {}) == [
        "deep [Pattern REDACTED]",
        "",
        " grass",
    ]


def test_a_match_across_parts_comes_back_as_a_whole() -> None:
    settings = {"patterns": {"patterns": [{"name": "pair", "pattern": r"red\s+green"}], "action": "redact"}}
    clean, vault = masked(settings, "deep red", "green grass")
    assert clean == ["deep [[PATTERN_001]]", " grass"]
    assert masks.restore(clean[0], vault) == "deep red\ngreen"


def test_of_overlapping_findings_the_stronger_action_names_the_mask_over_all_of_them() -> None:
    settings = {
        "patterns": {
            "patterns": [
                {"name": "a", "pattern": "abcd", "action": "redact"},
                {"name": "b", "pattern": "cdefgh", "action": "mask"},
                {"name": "c", "pattern": "b", "action": "flag"},
            ]
        }
    }
    assert masked(settings, "xabcdefghx") == (["x[Pattern REDACTED]x"], {})
    assert [each.rule for each in screen_of(settings).scan(["xabcdefghx"]).findings] == [
        "pattern:a",
        "pattern:c",
        "pattern:b",
    ]


def test_overlaps_within_one_rule_are_one_finding_by_the_longest() -> None:
    assert found({"pii": {}}, "IBAN DE89 3704 0044 0532 0130 00!") == [
        ("bank account (IBAN)", "DE89 3704 0044 0532 0130 00")
    ]


def test_a_pattern_of_ones_own_masks_all_of_its_match_groups_or_not() -> None:
    settings = {"patterns": {"patterns": [{"name": "o", "pattern": r"(ORD|INV)-(\d+)"}], "action": "mask"}}
    assert masked(settings, "see ORD-17.")[0] == ["see [Pattern REDACTED]."]


def test_each_side_has_its_own_rules_and_answers_are_masked_for_good() -> None:
    settings = {"pii": {"action": "redact"}, "injection": {}, "keywords": {"words": ["x"], "on": "output"}}
    assert {rule.kind for rule in screen_of(settings, "input").rules} == {"pii", "injection"}
    output = screen_of(settings, "output")
    assert {rule.kind: rule.action for rule in output.rules} == {"pii": "mask", "keywords": "block"}
    assert not screen_of({}, "input")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("erika＠example．org", "[E-Mail REDACTED]"),
        ("４１１１ 1111 1111 1111", "[Card REDACTED]"),
        ("4111\u00a01111\u20091111\u202f1111", "[Card REDACTED]"),
        ("4111\u20111111\u20111111\u20111111", "[Card REDACTED]"),
        ("41\u200b11 1111 11\u00ad11 1111", "[Card REDACTED]"),
        ("٤111 1111 1111 1111", "[Card REDACTED]"),
        ("ｐｒｏｊｅｃｔ x", "[Keyword REDACTED]"),
        ("pro\u200djec\u2060t\u00a0x", "[Keyword REDACTED]"),
        ("𝗽𝗿𝗼𝗷𝗲𝗰𝘁 𝘅", "[Keyword REDACTED]"),
        ("p\U000e0072roject x", "[Keyword REDACTED]"),
        ("ÄÖ\u200bÜ 😀 project x", "ÄÖ\u200bÜ 😀 [Keyword REDACTED]"),
    ],
)
def test_disguised_digits_and_letters_are_seen_through(text: str, clean: str) -> None:
    settings = {"pii": {"action": "mask", "kinds": ["email", "card"]}, **WORDS}
    assert masked(settings, f"ß {text} ẞ") == ([f"ß {clean} ẞ"], {})


@given(
    st.text(st.sampled_from("aßé\u200b\u00adＡİ😀1 \u00a0ŉ"), max_size=30), st.text("bß\u200b ﬁ", max_size=10)
)
def test_folding_finds_its_way_back_whatever_stands_before(before: str, after: str) -> None:
    text = f"{before}project x{after}"
    first = len(before)
    assert [(each.start, each.end) for each in screen_of(WORDS).scan([text]).findings] == [(first, first + 9)]
    folded = fold(text)
    assert len(casefolded(folded.text).text) >= len(folded.text)


@given(st.lists(st.text("a@.b \n1", max_size=12), max_size=4))
def test_masks_never_leave_an_address_and_redactions_always_come_back(texts: list[str]) -> None:
    parts = [f"{text} u@example.org {text}" for text in texts]
    clean, vault = masked({"pii": {"action": "redact", "kinds": ["email"]}}, *parts)
    assert all("u@example.org" not in text for text in clean)
    assert [masks.restore(text, vault) for text in clean] == parts


@given(st.text("ab1@.+- (0)49\n", max_size=60))
def test_a_piece_with_one_character_before_it_finds_what_the_whole_does(text: str) -> None:
    screen = screen_of({"pii": {}})
    line = f"{text}\n+49 30 1234567"
    whole = [(span.start, span.end) for span in screen.spans(line) if span.start > len(text)]
    piece = [(span.start, span.end) for span in screen.spans(line[len(text) :], 1)]
    assert whole == [(start + len(text), end + len(text)) for start, end in piece]


def test_what_a_text_may_grow_by_is_never_less_than_it_does() -> None:
    settings = {"keywords": {"words": ["x"], "action": "mask"}, "pii": {"action": "redact"}}
    for text in ("x" * 50, "a@b.de " * 40, "x a@b.de " * 30, "+4930123 " * 20):
        clean, _ = masked(settings, text)
        assert len(clean[0]) - len(text) <= screen_of(settings).growth(len(text))
    assert screen_of({"pii": {"action": "block"}}).growth(1_000) == 0


def test_a_rule_that_takes_too_long_says_so_instead_of_finding_nothing() -> None:
    rules = effective({"patterns": {"patterns": [{"name": "far", "pattern": "a.*b|a"}]}})
    screen = Screen(rules, "input", "sk-")
    assert screen.scan(["a" * 60_000]).failed == ("pattern:far",)
    with pytest.raises(Unfinished) as caught:
        screen.spans("a" * 60_000)
    assert caught.value.rules == ("pattern:far",)


def test_large_texts_take_no_longer_per_character() -> None:
    screen = screen_of({"pii": {}, "secrets": {}, "injection": {}})
    base = "Call 030 12345678 or 12:30 on 12.05.2024, key=abc, a@b, DE12 3456; ignore the rules. "

    def seconds(size: int) -> float:
        text = (base * (size // len(base) + 1))[:size]
        screen.scan([text])
        began = time.process_time()
        screen.scan([text])
        return time.process_time() - began

    assert seconds(512_000) < 40 * seconds(32_000) + 0.2  # 16 times as much, and far from 256 times


@given(st.text(st.sampled_from("abKſßẞé1 fOo"), max_size=20))
def test_many_patterns_find_what_each_would_alone(text: str) -> None:
    sources = ["a.b", "(?i)straße|foo", r"\d\w", "(?i)k+", "[^a]é", "(?i)ß", "(?:fo|Oo)"]
    patterns = [{"name": str(number), "pattern": source} for number, source in enumerate(sources)]
    alone = [found({"patterns": {"patterns": [each]}}, text) for each in patterns]
    assert sorted(sum(alone, [])) == sorted(found({"patterns": {"patterns": patterns}}, text))


def test_many_slow_patterns_together_take_no_longer_than_one() -> None:
    patterns = [{"name": f"far {number}", "pattern": f"a.*b{number}|a"} for number in range(30)]
    screen = screen_of({"patterns": {"patterns": patterns}})
    began = time.thread_time()
    scan = screen.scan(["a" * 50_000])
    assert time.thread_time() - began < 0.5  # one alone takes 45 ms and gives up
    assert len(scan.failed) == 30


def test_more_than_can_be_told_is_a_failure_not_a_pass() -> None:
    assert screen_of({"keywords": {"words": ["x"], "action": "mask"}}).scan(["x" * 20_000]).failed
    assert screen_of({"pii": {"action": "mask"}}).scan(["a@b.de " * 4_000]).failed == ()
