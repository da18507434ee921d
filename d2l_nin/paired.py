"""Two variants over the same seeds: what the differences, seed by seed, show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import mean, stdev

from scipy import stats

__all__ = ["Difference"]


@dataclass
class Difference:
    """Paired differences of two variants, one for each seed.

    Attributes
    ----------
    what : str
    values : list of float
    """

    what: str
    values: list

    def __post_init__(self):
        if len(self.values) < 2:
            raise ValueError(
                f"{self.what}: expected at least two seeds, got {len(self.values)}"
            )

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the mean difference, by Student's t."""
        count, middle = len(self.values), mean(self.values)
        half = stats.t.ppf(0.975, count - 1) * stdev(self.values) / math.sqrt(count)
        return middle - half, middle + half

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out 0."""
        low, high = self.interval
        return low > 0 or high < 0

    def __repr__(self) -> str:
        low, high = self.interval
        seeds = f"paired t, {len(self.values)} seeds"
        found = "significant" if self.shown else "not significant: it contains 0"
        return (
            f"{self.what}: {mean(self.values):+.3f} "
            f"(95% interval {low:+.3f} … {high:+.3f}; {seeds}; {found})"
        )
