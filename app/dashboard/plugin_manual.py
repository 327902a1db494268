"""What the manual says of plugins: an example call, an example file, and each plugin in words."""

from __future__ import annotations

from typing import Any

from app.dashboard.plugin_words import WORDS
from app.domain.plugins import PLUGINS

CALL = """\
{
  "model": "auto",
  "messages": [{"role": "user", "content": "What did the city council decide yesterday?"}],
  "plugins": ["web-search", "memory"],
  "user": "ann"
}
"""
FILE = """\
workspaces:
  - name: Acme
    plugins:
      - plugin: web-search
        url: https://search.example.com       # any SearXNG server
        secret: "${SEARCH_KEY}"               # only if it wants one
        options: {results: 5, language: en}
      - {plugin: gutenberg, url: "https://gutendex.com", options: {books: 2}}
      - {plugin: code-exec, options: {seconds: 10}}
      - plugin: image-gen
        url: https://api.openai.com/v1
        secret: "${IMAGES_KEY}"
        options: {model: gpt-image-1, size: 1024x1024, usd_per_image: "0.04", most_images: 1}
      - {plugin: pdf-reader, options: {pages: 100, characters: 60000}}
      - {plugin: memory, options: {most_per_user: 200}}
"""


def context() -> dict[str, Any]:
    """Return what the page of the manual shows."""
    listed = [(plugin.name, plugin.paid, WORDS[plugin.name]) for plugin in PLUGINS]
    return {"plugins": listed, "plugins_call": CALL, "plugins_example": FILE}
