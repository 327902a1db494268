"""image-gen: has a picture made by any server with OpenAI's images API."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from app.domain.calls import Cancellation
from app.domain.plugins import InUse, PluginFailed
from app.plugins.backend import UNREADABLE, get_json, post_json

SECONDS = 180.0
MOST_BYTES = 24 << 20
MOST_PROMPT = 4_000
KINDS = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpeg"), (b"RIFF", "webp"), (b"GIF8", "gif"))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's address: https://… or data:image/…"""

    url: str

    @property
    def is_data(self) -> bool:
        """Say whether the picture itself stands in its address."""
        return self.url.startswith("data:")


def make(use: InUse, prompt: str, cancellation: Cancellation) -> Picture:
    """Have one picture made; raise PluginFailed."""
    given = {"model": use.options.get("model"), "size": use.options.get("size")}
    body = {"prompt": prompt[:MOST_PROMPT], "n": 1, **{name: v for name, v in given.items() if v}}
    url = f"{use.url.rstrip('/')}/images/generations"
    found = post_json(use, url, body, cancellation, SECONDS, MOST_BYTES)
    made = found.get("data") if isinstance(found, dict) else None
    first = made[0] if isinstance(made, list) and made and isinstance(made[0], dict) else {}
    if isinstance(first.get("url"), str) and first["url"].startswith(("https://", "http://", "data:image/")):
        return Picture(first["url"])
    if isinstance(first.get("b64_json"), str):
        return Picture(data_url(first["b64_json"]))
    raise PluginFailed(UNREADABLE)


def data_url(encoded: str) -> str:
    """Return a picture in base64 as an address; raise PluginFailed when it is none."""
    try:
        start = base64.b64decode(encoded[:64], validate=True)
    except (binascii.Error, ValueError):
        raise PluginFailed(UNREADABLE) from None
    kind = next((name for magic, name in KINDS if start.startswith(magic)), "png")
    return f"data:image/{kind};base64,{encoded}"


def test(use: InUse) -> str:
    """Ask the server for its models, which costs nothing; return what came in a sentence."""
    found = get_json(use, f"{use.url.rstrip('/')}/models", Cancellation())
    listed = found.get("data") if isinstance(found, dict) else None
    count = len(listed) if isinstance(listed, list) else 0
    return f"The server answers and lists {count} models. No picture was made."
