"""The plugins in plain words: what each does, what it needs, and what its options mean."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import LazyString
from flask_babel import lazy_gettext as _


@dataclass(frozen=True, slots=True)
class Words:
    """One plugin for people. `server`: what its address is, where it has one."""

    title: LazyString
    icon: str
    what: LazyString
    how: LazyString
    server: LazyString | None = None
    example: str = ""


@dataclass(frozen=True, slots=True)
class OptionWords:
    """One option for people."""

    label: LazyString
    hint: LazyString


WORDS = {
    "web-search": Words(
        _("Web search"),
        "search",
        _("Looks the user's question up on the web, so that answers know what happened today."),
        _("The best pages are put in front of the question, and the answer names them as its sources."),
        _("Any SearXNG server, yours or a hosted one. Its settings must allow the JSON format."),
        "https://search.example.com",
    ),
    "gutenberg": Words(
        _("Books"),
        "book",
        _("Finds public-domain books and the passages in them that fit the question."),
        _("Titles, authors and short passages are put in front of the question."),
        _("Any Gutendex server: the public one or your own."),
        "https://gutendex.com",
    ),
    "code-exec": Words(
        _("Running programs"),
        "code",
        _("Lets the model write and run small programs, so that sums and dates are computed, not guessed."),
        _("Programs run in a locked box: no network, no files, little memory, a few seconds."),
    ),
    "image-gen": Words(
        _("Pictures"),
        "eye",
        _("Lets the model have pictures made."),
        _("Each picture costs the price you set here; it is held before the call and charged once made."),
        _("Any server with OpenAI's images API, with /v1."),
        "https://api.openai.com/v1",
    ),
    "pdf-reader": Words(
        _("Reading PDFs"),
        "list",
        _("Reads PDFs, so that models that only know text can work with them."),
        _("The text takes the place of the file. Scanned pages without text stay empty."),
    ),
    "memory": Words(
        _("Memory"),
        "user",
        _("Remembers what your users say of themselves, from one conversation to the next."),
        _("Kept are sentences like “My name is Ann” or “Remember that …”, for each user and project apart."),
    ),
}

OPTIONS = {
    "results": OptionWords(_("Pages per question"), _("1 to 10. More pages cost more input tokens.")),
    "language": OptionWords(_("Language"), _("Like en or de-AT. Empty: the server decides.")),
    "books": OptionWords(_("Books per question"), _("1 to 3.")),
    "seconds": OptionWords(_("Seconds a program may run"), _("1 to 60. Then it is stopped.")),
    "usd_per_image": OptionWords(
        _("Price of a picture (USD)"), _("What your server charges. 0 if it is free.")
    ),
    "most_images": OptionWords(_("Pictures per call"), _("1 to 4. Their price is held before each call.")),
    "model": OptionWords(_("Model"), _("As the server names it. Empty: its usual one.")),
    "size": OptionWords(_("Size"), _("Like 1024x1024. Empty: the server decides.")),
    "pages": OptionWords(_("Pages per PDF"), _("1 to 500; what comes after is left out.")),
    "characters": OptionWords(
        _("Characters per call"), _("1,000 to 400,000, all PDFs of a call together. This much is held for.")
    ),
    "most_per_user": OptionWords(_("Memories per user"), _("1 to 1,000. The oldest go first.")),
}

STATES = {
    "ready": ("ok", _("Switched on")),
    "off": ("off", _("Switched off")),
    "not_set_up": ("off", _("Not set up")),
    "no_runner": ("off", _("No sandbox")),
}
