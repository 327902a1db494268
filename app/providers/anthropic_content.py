"""The content of single messages, from OpenAI's parts to Anthropic's blocks."""

from __future__ import annotations

import base64
import re
from typing import Any

import orjson

from app.domain.errors import InvalidRequest

DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w=-]+)*;base64,(.+)", re.DOTALL)
THEIR_OWN = ("image", "document", "search_result")  # parts that are in their words already
THOUGHTS = ("thinking", "redacted_thinking")
IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
ODD_IN_ID = re.compile(r"[^A-Za-z0-9_-]")

Json = dict[str, Any]


def system_blocks(message: Json, place: str) -> list[Json]:
    """Return the texts of a system or developer message."""
    blocks = user_blocks(message.get("content"), place)
    if any(block["type"] != "text" for block in blocks):
        raise InvalidRequest("A system message can only hold text.", param=place)
    return blocks


def user_blocks(content: Any, place: str) -> list[Json]:
    """Return the blocks of a text or of a list of parts; blank texts are left out, they are refused there."""
    if content is None:
        return []
    if isinstance(content, str):
        return [text_block(content)] if content.strip() else []
    if not isinstance(content, list):
        raise InvalidRequest("A message's content must be text or a list of parts.", param=f"{place}.content")
    blocks = [block(part, f"{place}.content.{index}") for index, part in enumerate(content)]
    return [one for one in blocks if one["type"] != "text" or one["text"].strip()]


def block(part: Any, place: str) -> Json:
    """Return one part as a block; raises InvalidRequest for kinds that this model cannot read."""
    if not isinstance(part, dict):
        raise InvalidRequest("Each part of a message must be an object.", param=place)
    kind = part.get("type")
    if kind in ("text", "refusal") and isinstance(part.get(kind), str):
        result = text_block(part[kind])
    elif kind == "image_url":
        result = image_block(part.get("image_url"), place)
    elif kind == "file":
        result = file_block(part.get("file"), place)
    elif kind in THEIR_OWN:
        return part
    else:
        raise InvalidRequest("This model reads text, images and PDF files only.", param=place)
    if isinstance(part.get("cache_control"), dict):
        result["cache_control"] = part["cache_control"]
    return result


def text_block(text: str) -> Json:
    return {"type": "text", "text": text}


def image_block(image: Any, place: str) -> Json:
    """Return an image: its bytes from a data URL, else its address for the provider to fetch."""
    url = image.get("url") if isinstance(image, dict) else image
    if is_address(url):
        return {"type": "image", "source": {"type": "url", "url": url}}
    media_type, data = data_url(url, place)
    if media_type not in IMAGE_TYPES:
        raise InvalidRequest("An image must be JPEG, PNG, GIF or WebP.", param=place)
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def file_block(file: Any, place: str) -> Json:
    """Return a PDF or a text, sent as a data URL or an address; ids of uploaded files mean nothing here."""
    data = file.get("file_data") if isinstance(file, dict) else None
    result: Json = {"type": "document", "source": file_source(data, place)}
    if isinstance(file.get("filename"), str):
        result["title"] = file["filename"]
    return result


def file_source(data: Any, place: str) -> Json:
    """Return where a document comes from."""
    if is_address(data):
        return {"type": "url", "url": data}
    media_type, encoded = data_url(data, place)
    if media_type == "application/pdf":
        return {"type": "base64", "media_type": media_type, "data": encoded}
    if media_type != "text/plain":
        raise InvalidRequest("A file must be a PDF or plain text.", param=place)
    try:
        text = base64.b64decode(encoded).decode()
    except ValueError:
        raise InvalidRequest("The file's text cannot be read.", param=place) from None
    return {"type": "text", "media_type": media_type, "data": text}


def is_address(url: Any) -> bool:
    """Say whether a value is an address that the provider itself can fetch."""
    return isinstance(url, str) and url.lower().startswith(("http://", "https://"))


def data_url(url: Any, place: str) -> tuple[str, str]:
    """Return media type and base64 text; raises InvalidRequest."""
    match = DATA_URL.fullmatch(url) if isinstance(url, str) else None
    if match is None:
        raise InvalidRequest("Expected a https address or a base64 data URL.", param=place)
    media_type = match[1].lower()
    return "image/jpeg" if media_type == "image/jpg" else media_type, match[2]


def answer_blocks(message: Json, place: str) -> list[Json]:
    """Return the blocks of an earlier answer: its thoughts, its text, then the tools that it used."""
    blocks = thoughts(message.get("thinking_blocks"))
    blocks += user_blocks(message.get("content") or message.get("refusal"), place)
    for index, call in enumerate(message.get("tool_calls") or []):
        blocks.append(use_block(call, f"{place}.tool_calls.{index}"))
    return blocks


def thoughts(given: Any) -> list[Json]:
    """Return the thoughts of an earlier answer as they came: without a signature they are refused."""
    found = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    return [
        {name: value for name, value in one.items() if name not in ("index", "cache_control")}
        for one in found
        if one.get("type") in THOUGHTS and (one.get("signature") or one.get("data"))
    ]


def use_block(call: Any, place: str) -> Json:
    """Return one tool call of an earlier answer."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise InvalidRequest("A tool call must name its function.", param=place)
    name, call_id = function["name"], tool_id(call.get("id"), place)
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments(function.get("arguments"))}


def arguments(text: Any) -> Json:
    """Return the arguments as an object. A model's broken JSON is handed back to it under one name."""
    if not isinstance(text, str) or not text.strip():
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    return value if isinstance(value, dict) else {"arguments": value}


def result_block(message: Json, place: str) -> Json:
    """Return a tool's result."""
    result: Json = {"type": "tool_result", "tool_use_id": tool_id(message.get("tool_call_id"), place)}
    blocks = user_blocks(message.get("content"), place)
    if message.get("is_error") is True:
        result["is_error"] = True
    if isinstance(message.get("cache_control"), dict):
        result["cache_control"] = message["cache_control"]
    return result | ({"content": blocks} if blocks else {})


def tool_id(value: Any, place: str) -> str:
    """Return a tool call's id in the alphabet that is allowed here; the same id always becomes the same."""
    if not isinstance(value, str) or not value:
        raise InvalidRequest("A tool call needs its id.", param=place)
    return ODD_IN_ID.sub("_", value)
