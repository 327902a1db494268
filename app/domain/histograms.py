"""Percentiles from counts in buckets that grow by a tenth: whoever adds two of them loses nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping

GROWTH = 1.1  # what is read from a bucket is at most 5 % off
_LOG_GROWTH = math.log(GROWTH)
LEAST = 0.01


def bucket_of(value: float) -> int:
    """Return the bucket of a number; whatever is not above 0 counts as very small."""
    return math.floor(math.log(value if value > LEAST else LEAST) / _LOG_GROWTH)


def value_of(bucket: int) -> float:
    """Return the number in the middle of a bucket."""
    return float(GROWTH ** (bucket + 0.5))


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """Return the number that such a share of all does not pass; None of nothing."""
    rank = share * sum(counts.values())
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if counts[bucket] and seen >= rank:
            return value_of(bucket)
    return None
