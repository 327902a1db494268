"""Reads the texts of careless JSON: quotes of any kind, quotes inside, line breaks, wrong backslashes."""

from __future__ import annotations

import re

PAIRS = {"“": '”"', "”": '”"', "„": '“”"', "‘": "’'", "’": "’'", "'": "'’", "`": "`", '"': '"'}
PLAIN = re.compile(r"[^\"'`“”„‘’\\\x00-\x1f]+")
AFTER = re.compile(r"[ \t\r\n]{0,200}")  # bounded, so that each quote costs the same
MEMBER = r"(?:[\"'“‘`][^\"'“”‘’`\n]{0,100}[\"'”’`]\s{0,20}:|[\w$-]{1,100}\s{0,20}:)"
NEXT_MEMBER = re.compile(r"[ \t\r\n]{0,200}" + MEMBER)
MEMBER_ON_NEXT_LINE = re.compile(r"\n[ \t\r]{0,80}" + MEMBER)
AFTER_COMMA = re.compile(r"[ \t\r\n]{0,200}(?:[\"'“‘`}\]]|[\w$-]{1,100}\s{0,20}:|//|/\*|#|\.\.\.|\Z)")
ESCAPE = re.compile(r"\\(?:[\"\\/bfnrt]|u[0-9a-fA-F]{4})")
HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
HIGH_SURROGATE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")
BARE_NAME = re.compile(r"[\w$][\w$.-]*")
BARE_VALUE = re.compile(r"[\w$+.-](?:[^,:;{}\[\]\"\n`#]*[^\s,:;{}\[\]\"`#])?")
CONTROLS = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def read_bare(text: str, at: int, *, value: bool = False) -> str:
    """Return the name, or the value, that stands there without quotes; empty when none does."""
    found = (BARE_VALUE if value else BARE_NAME).match(text, at)
    return found.group() if found else ""


def read_text(text: str, at: int, is_name: bool, inside: str) -> tuple[str, int, bool, dict[str, None]]:
    """Return the text in quotes as JSON has it, where it ends, whether it was complete, and what was mended.

    `inside` is the bracket that it stands in.
    """
    opener = text[at]
    written: list[str] = ['"']
    steps: dict[str, None] = {} if opener == '"' else {"quotes": None}
    at += 1
    while at < len(text):
        if found := PLAIN.match(text, at):
            written.append(found.group())
            at = found.end()
            continue
        char = text[at]
        if char in PAIRS[opener] and ends(text, at, is_name, inside):
            return "".join(written) + '"', at + 1, True, steps
        if char == "\n" and not is_name and inside == "{" and MEMBER_ON_NEXT_LINE.match(text, at):
            return unclosed(written), at, True, {**steps, "missing_end": None}
        piece, length, step = inner(text, at)
        written.append(piece)
        at += length
        if step:
            steps[step] = None
    return "".join(whole_characters(written)) + '"', at, False, steps


def whole_characters(written: list[str]) -> list[str]:
    """Return the pieces without the half of a character that stands in two escapes."""
    while len(written) > 1 and not written[-1]:
        written.pop()
    return written[:-1] if HIGH_SURROGATE.fullmatch(written[-1]) else written


def unclosed(written: list[str]) -> str:
    """Return a text whose closing quote was forgotten at the end of its line."""
    text = "".join(written).rstrip()
    return (text[:-1] if text.endswith(",") else text) + '"'


def inner(text: str, at: int) -> tuple[str, int, str]:
    """Return one special character inside a text as JSON has it, its length, and the step that this is."""
    char = text[at]
    if char == '"':
        return '\\"', 1, "inner_quotes"
    if char == "\\":
        if found := ESCAPE.match(text, at):
            return found.group(), len(found.group()), ""
        if found := HALF_ESCAPE.match(text, at):
            return "", len(found.group()), "escapes"
        if text[at + 1] in "'`“”‘’":
            return text[at + 1], 2, "escapes"
        return "\\\\", 1, "escapes"
    if char < " ":
        return CONTROLS.get(char) or f"\\u{ord(char):04x}", 1, "control"
    return char, 1, ""


def ends(text: str, at: int, is_name: bool, inside: str) -> bool:
    """Say whether the quote there ends its text: something must follow that can follow one."""
    found = AFTER.match(text, at + 1)
    assert found is not None
    then = found.end()
    follows = text[then : then + 1]
    if is_name:
        return follows in ("", ":", "=", ",", "}") or follows in "\"'{[-0123456789" and then > at + 1
    if follows in ("", "}", "]"):
        return True
    if follows in ",;":
        return inside == "[" or AFTER_COMMA.match(text, then + 1) is not None
    if text.startswith(("//", "/*", "```"), then) or follows == "#":
        return True
    if inside == "{":
        return NEXT_MEMBER.match(text, at + 1) is not None
    return inside == "[" and then > at + 1 and follows in "\"'“‘{["
