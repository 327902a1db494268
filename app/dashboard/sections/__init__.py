"""The sections of an endpoint's settings, in the order in which they are shown."""

from __future__ import annotations

from app.dashboard.sections import (
    cache,
    details,
    guardrails,
    limits,
    model,
    prompt,
    routing,
    schemas,
    session,
    variables,
)
from app.dashboard.sections.section import Section
from app.domain.errors import NotFound

SECTIONS: tuple[Section, ...] = (
    prompt.section,
    variables.section,
    model.section,
    routing.section,
    guardrails.section,
    schemas.section,
    session.section,
    limits.section,
    cache.section,
    details.section,
)


def named(name: str) -> Section:
    """Return the section of this name; raise NotFound."""
    found = next((section for section in SECTIONS if section.name == name), None)
    if found is None:
        raise NotFound("There is no such section.")
    return found
