"""Sets of characters, as patterns name them, in any case where a pattern says so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

Ranges = tuple[tuple[str, str], ...]


@lru_cache(4096)
def cases(char: str) -> frozenset[str]:
    """Return the character in every case that it has."""
    found = {char}
    for _ in range(2):
        told = {way for one in found for way in (one.lower(), one.upper(), one.casefold(), one.title())}
        found |= {way for way in told if len(way) == 1}
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set. `loose`: any letter with two cases may be in it, too."""

    ranges: Ranges
    negated: bool = False
    any_case: bool = False
    loose: bool = False

    def __contains__(self, char: str) -> bool:
        if not self.any_case:
            return self._has(char) is not self.negated
        if self.negated:
            return any(not self._has(one) for one in cases(char))
        return (self.loose and len(cases(char)) > 1) or any(map(self._has, cases(char)))

    def _has(self, char: str) -> bool:
        return any(first <= char <= last for first, last in self.ranges)


ANY = Chars((), negated=True)
LINE = Chars((("\n", "\n"),), negated=True)
