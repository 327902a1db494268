"""Content blocks of messages as the parts of a chat message: texts, pictures, documents."""

from __future__ import annotations

from typing import Any

from app.domain.errors import InvalidRequest

Json = dict[str, Any]
REQUIRED = "Field required"


def plain(parts: list[Json]) -> str | list[Json]:
    """Return the parts, or the text itself where that is all there is."""
    if not parts:
        return ""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        return str(parts[0]["text"])
    return parts


def parts_of(blocks: list[Json], place: str, first: int = 0) -> list[Json]:
    """Return the parts that the blocks stand for. A kind that is not known here stays as it is."""
    found: list[Json] = []
    for index, block in enumerate(blocks, first):
        parts = part_of(block, f"{place}.{index}")
        if parts and isinstance(block.get("cache_control"), dict):
            parts[-1] = {**parts[-1], "cache_control": block["cache_control"]}
        found += parts
    return found


def part_of(block: Json, place: str) -> list[Json]:
    """Return what one block stands for."""
    kind = block.get("type")
    if kind == "text":
        return [text_part(text_in(block, "text", place))]
    if kind == "image":
        return [image_part(source_of(block, place), place)]
    if kind == "document":
        return document_parts(block, place)
    if kind == "search_result":
        told = [f"{block.get(name)}" for name in ("title", "source") if block.get(name)]
        return [text_part("\n".join([*told, *texts_in(block.get("content"))]))]
    return [block]


def text_part(text: str) -> Json:
    """Return a part that holds a text."""
    return {"type": "text", "text": text}


def image_part(source: Json, place: str) -> Json:
    """Return a picture: its bytes as a data URL, or its address."""
    if source.get("type") == "url":
        return {"type": "image_url", "image_url": {"url": text_in(source, "url", f"{place}.source")}}
    return {"type": "image_url", "image_url": {"url": data_url(source, place)}}


def document_parts(block: Json, place: str) -> list[Json]:
    """Return a document: a PDF as a file, a text as text below its title."""
    source = source_of(block, place)
    title = block.get("title") if isinstance(block.get("title"), str) else None
    if source.get("type") in ("base64", "url"):
        is_link = source["type"] == "url"
        data = text_in(source, "url", f"{place}.source") if is_link else data_url(source, place)
        return [{"type": "file", "file": {"filename": title or "document.pdf", "file_data": data}}]
    told = [text for text in (title, block.get("context")) if isinstance(text, str) and text]
    heading = [text_part("\n".join(told))] if told else []
    if source.get("type") == "text":
        return [text_part("\n".join([*told, text_in(source, "data", f"{place}.source")]))]
    content = source.get("content")
    if source.get("type") != "content" or not isinstance(content, str | list):
        raise InvalidRequest(f"This gateway cannot read a {source.get('type')} here", param=f"{place}.source")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else objects(content)
    return [*heading, *parts_of(blocks, f"{place}.source.content")]


def source_of(block: Json, place: str) -> Json:
    """Return where a picture or document comes from."""
    source = block.get("source")
    if not isinstance(source, dict):
        raise InvalidRequest(REQUIRED, param=f"{place}.source")
    if source.get("type") == "file":
        text = "Files stored at a provider cannot be used here: send the content itself"
        raise InvalidRequest(text, param=f"{place}.source")
    return source


def data_url(source: Json, place: str) -> str:
    """Return a source's bytes as a data URL."""
    kind = text_in(source, "media_type", f"{place}.source")
    return f"data:{kind};base64,{text_in(source, 'data', f'{place}.source')}"


def text_in(value: Json, name: str, place: str) -> str:
    """Return a text that must be there."""
    found = value.get(name)
    if not isinstance(found, str):
        raise InvalidRequest(REQUIRED, param=f"{place}.{name}")
    return found


def texts_in(content: Any) -> list[str]:
    """Return the texts of some blocks."""
    return [block["text"] for block in objects(content) if isinstance(block.get("text"), str)]


def objects(value: Any) -> list[Json]:
    """Return the objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
