"""The repeated comparison: variants × seeds → a table, a picture, a difference.

A cell of a chapter says what differs and nothing else::

    accuracy = compare(
        {"with batch norm": True, "without": False},
        lambda batch_norm, seed: train(batch_norm, seed).test_acc,
        seeds=5,
    )
    accuracy                                            # medians and ranges
    accuracy.plot()                                     # each run a dot
    accuracy.difference("with batch norm", "without")   # paired, with an interval
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from statistics import median

import pandas
from tqdm import tqdm

from d2l_nin import figures
from d2l_nin.paired import Difference
from d2l_nin.training.progress import Neighbours, one_bar_for_all, someone_looks

__all__ = ["Comparison", "Difference", "compare", "verdict"]


def compare(
    variants: dict,
    run: Callable,
    seeds: int | Iterable[int] = 5,
    what: str = "validation accuracy",
) -> Comparison:
    """Run every variant once with each seed, one after the other.

    Parameters
    ----------
    variants : dict
        From the name of a variant to what `run` needs to know of it.
    run : function (variant, seed)
        Gives the number that is compared, or anything that `Comparison.measure` can
        take numbers from.
    seeds : int or iterable of int
        A number n stands for 0 … n - 1.
    what : str
        What the numbers are, with their unit: the label of the axis.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        No variant, or no seed.
    TypeError
        `run` is no function, `variants` no dict.
    """
    if not isinstance(variants, dict):
        raise TypeError(f"variants: expected a dict, got {type(variants).__name__}")
    if not callable(run):
        raise TypeError(f"run: expected a function of (variant, seed), got {run!r}")
    seeds = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if not variants or not seeds:
        raise ValueError(
            f"expected at least one variant and one seed, got {len(variants)} variants "
            f"and {len(seeds)} seeds"
        )
    num_runs, results = len(variants) * len(seeds), {name: [] for name in variants}
    # Turn by turn, so that a machine that slows down slows all variants alike.
    neighbours = Neighbours()
    with (
        one_bar_for_all(),
        tqdm(
            total=num_runs, unit="run", leave=False, disable=not someone_looks()
        ) as bar,
    ):
        for seed in seeds:
            for name, variant in variants.items():
                bar.set_description_str(f"{name}, seed {seed}")
                bar.set_postfix_str(neighbours.remark())
                results[name].append(run(variant, seed))
                bar.update()
    return Comparison(results, seeds, what)


class Comparison:
    """Results of the same runs for several variants, seed by seed.

    Parameters
    ----------
    results : dict
        From the name of a variant to one result for each seed.
    seeds : list of int
    what : str
        What the numbers are: the label of the axis.
    """

    def __init__(self, results: dict, seeds: list, what: str):
        self.results, self.seeds, self.what = results, seeds, what

    def measure(self, what: str, take: Callable) -> Comparison:
        """Compare another number of the same runs: `take(result)`."""
        picked = {name: [take(r) for r in rs] for name, rs in self.results.items()}
        return Comparison(picked, self.seeds, what)

    def __getitem__(self, name: str) -> list:
        """Results of a variant, one for each seed."""
        if name not in self.results:
            raise KeyError(f"{name!r}: expected one of {', '.join(self.results)}")
        return self.results[name]

    def median(self, name: str) -> float:
        return median(self._numbers(name))

    def range(self, name: str) -> tuple[float, float]:
        """The lowest and the highest value of a variant."""
        values = self._numbers(name)
        return min(values), max(values)

    def overlap(self, name: str, other: str) -> bool:
        """Whether the ranges of two variants have a value in common."""
        (low, high), (other_low, other_high) = self.range(name), self.range(other)
        return low <= other_high and other_low <= high

    def difference(self, name: str, other: str) -> Difference:
        """How much more `name` has than `other`, seed by seed.

        Raises
        ------
        ValueError
            There is one seed only, which tells nothing of the spread.
        """
        pairs = zip(self._numbers(name), self._numbers(other))
        return Difference(f"{name} − {other}", [a - b for a, b in pairs])

    def plot(self, **options) -> figures.Picture:
        """Draw each run as a dot, with medians and ranges; options of `dot_plot`."""
        groups = {name: self._numbers(name) for name in self.results}
        return figures.dot_plot(groups, **{"xlabel": self.what, **options})

    def to_frame(self) -> pandas.DataFrame:
        """One row for each variant: its median and its range."""
        rows = [
            {
                "": name,
                "median": self.median(name),
                "range": "{:.3f} … {:.3f}".format(*self.range(name)),
                "runs": len(self.seeds),
            }
            for name in self.results
        ]
        return pandas.DataFrame(rows)

    def __repr__(self) -> str:
        table = self.to_frame().to_string(index=False, float_format="{:.3f}".format)
        return f"{self.what}\n{table}"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(
            index=False, border=0, float_format="{:.3f}".format
        )

    def _numbers(self, name: str) -> list[float]:
        numbers = []
        for result in self[name]:
            result = getattr(result, "test_acc", result)
            try:
                numbers.append(float(result))
            except (TypeError, ValueError):
                raise TypeError(
                    f"{name}: expected a number from each run, got "
                    f"{type(result).__name__}; measure(what, take) picks one"
                ) from None
        return numbers


_BOUNDS = {
    "at_least": ("at least", operator.ge),
    "at_most": ("at most", operator.le),
    "above": ("above", operator.gt),
    "below": ("below", operator.lt),
}


def verdict(claim: str, value: float, *, excludes: str, **bound) -> None:
    """Print whether a measured number keeps a bound, and what that excludes.

    The number itself differs a little between machines. In the line it stands after
    the word "measured", and the course's tests compare all of the line but that number.

    Parameters
    ----------
    claim : str
        What was measured.
    value : float
    excludes : str
        What would have given a number on the other side: guessing, chance, no effect.
    **bound
        One of `at_least`, `at_most`, `above` and `below`.

    Raises
    ------
    TypeError
        Not exactly one bound of these names.
    """
    if len(bound) != 1 or not set(bound) <= set(_BOUNDS):
        raise TypeError(
            f"verdict: expected one bound of {', '.join(_BOUNDS)}, got "
            f"{', '.join(bound) or 'none'}"
        )
    ((name, limit),) = bound.items()
    words, keeps = _BOUNDS[name]
    mark = "✓" if keeps(float(value), limit) else "✗"
    print(f"{mark} {claim}: measured {float(value):.3f}, {words} {limit:g}")
    print(f"  rules out: {excludes}")
