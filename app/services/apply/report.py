"""What a run of `apply` did, and where in the file something was wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.domain.actors import Actor
from app.domain.apply_file import FileError
from app.domain.errors import GatewayError, InvalidFields, NotAllowed


@dataclass(slots=True)
class Report:
    """The paths of all that the file names, by what became of it; minted secrets; the projects' uuids."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    keys: list[dict[str, str]] = field(default_factory=list, repr=False)
    webhooks: list[dict[str, str]] = field(default_factory=list, repr=False)
    projects: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it as it is printed."""
        names = ("created", "changed", "unchanged", "pruned", "keys", "webhooks", "projects", "warnings")
        return {name: getattr(self, name) for name in names}

    def note(self, path: str, *, created: bool = False, changed: bool = False) -> None:
        """Remember what became of one thing."""
        (self.created if created else self.changed if changed else self.unchanged).append(path)

    def warn_if_off(self, item: Item, active: bool) -> None:
        """Warn where the file names something that is switched off, and does not say whether it should be."""
        if not active and "active" not in item.fields:
            self.warnings.append(f"{item.path} is switched off; `active: true` switches it on.")

    def named(self) -> set[str]:
        """Return the paths of everything that the file names."""
        return {*self.created, *self.changed, *self.unchanged}


@dataclass(frozen=True, slots=True)
class Item:
    """One object of the file: its fields, its place there, and its path in the report."""

    fields: Mapping[str, Any] = field(repr=False)
    place: str
    path: str

    def only(self, names: frozenset[str]) -> dict[str, Any]:
        """Return those fields that are in `names`."""
        return {name: value for name, value in self.fields.items() if name in names}

    def text(self, name: str) -> str:
        """Return an identifying text as the services store it."""
        return str(self.fields.get(name) or "").strip()

    def items(self, name: str, label: Callable[[Mapping[str, Any]], str]) -> Iterator[Item]:
        """Yield the objects of one list; `label` is what follows in the report's path."""
        for number, fields in enumerate(self.fields.get(name, [])):
            yield Item(fields, f"{self.place}.{name}[{number}]", f"{self.path}/{name}/{label(fields)}")


@dataclass(frozen=True, slots=True)
class Run:
    """What every part of `apply` needs to know."""

    actor: Actor
    report: Report
    workspace_id: str
    path: str


@contextmanager
def refusals_at(item: Item, names: Mapping[str, str] | None = None) -> Iterator[None]:
    """Say of every refusal where in the file its cause stands; `names`: fields the file calls otherwise."""
    try:
        yield
    except FileError:
        raise
    except NotAllowed:
        raise
    except InvalidFields as error:
        name, text = next(iter(error.errors.items()))
        raise refusal(item, (names or {}).get(name, name), text) from None
    except GatewayError as error:
        name = error.param or ""
        raise refusal(item, (names or {}).get(name, name), error.message) from None


def refusal(item: Item, name: str, text: str) -> FileError:
    """Return the error with its place; a number where text belongs only lacks quotes."""
    if text == "Must be text." and isinstance(item.fields.get(name), bool | int | float):
        text = "Must be text: put it in quotes."
    return FileError(f"{item.place}.{name}" if name else item.place, text)
