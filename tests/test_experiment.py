"""The repeated comparison, and verdicts."""

import numpy
import pytest
from scipy import stats

from d2l_nin.experiment import Comparison, Difference, compare, verdict
from d2l_nin.training.progress import _make_view


def test_every_variant_runs_once_with_each_seed():
    calls = []

    def run(variant, seed):
        calls.append((variant, seed))
        return variant + seed / 10

    accuracy = compare({"a": 1, "b": 2}, run, seeds=3, what="accuracy")
    assert sorted(calls) == [(v, s) for v in (1, 2) for s in (0, 1, 2)]
    assert accuracy["b"] == [2.0, 2.1, 2.2]
    assert accuracy.median("b") == 2.1 and accuracy.range("a") == (1.0, 1.2)
    assert not accuracy.overlap("a", "b")
    assert "2.100" in repr(accuracy) and "2.000 … 2.200" in accuracy._repr_html_()


def test_seeds_may_be_named():
    assert compare({"a": 0}, lambda _, seed: seed, seeds=[5, 9])["a"] == [5, 9]


def test_another_number_of_the_same_runs():
    runs = compare({"a": 1}, lambda v, seed: {"acc": v, "loss": seed}, seeds=3)
    assert runs.measure("loss", lambda r: r["loss"]).median("a") == 1
    with pytest.raises(TypeError, match="measure"):
        runs.median("a")


def test_difference_is_paired_with_students_interval():
    first, second = [0.90, 0.87, 0.91, 0.89], [0.88, 0.86, 0.88, 0.87]
    found = Comparison({"a": first, "b": second}, [0, 1, 2, 3], "x").difference(
        "a", "b"
    )
    differences = numpy.subtract(first, second)
    expected = stats.t.interval(0.95, 3, differences.mean(), stats.sem(differences))
    assert found.interval == pytest.approx(expected)
    assert found.shown and "+0.020" in repr(found)


def test_an_interval_with_zero_in_it_shows_nothing():
    found = Difference("a − b", [0.1, -0.1, 0.05])
    assert not found.shown and "not significant: it contains 0" in repr(found)


def test_the_picture_says_every_row():
    picture = compare({"a": 0.5, "b": 0.7}, lambda v, s: v + s / 100, 3).plot()
    assert "a 0.510 (0.500 to 0.520)" in picture.alt
    assert "validation accuracy" in picture.alt


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: compare({}, print), ValueError, "at least one variant"),
        (lambda: compare({"a": 1}, print, seeds=0), ValueError, "0 seeds"),
        (lambda: compare(["a"], print), TypeError, "variants: expected a dict"),
        (lambda: compare({"a": 1}, 3), TypeError, "run: expected a function"),
        (lambda: Difference("d", [1.0]), ValueError, "at least two seeds"),
        (
            lambda: compare({"a": 1}, lambda v, s: s)["b"],
            KeyError,
            "expected one of a",
        ),
        (
            lambda: verdict("x", 1, excludes="y", above=0, below=2),
            TypeError,
            "one bound",
        ),
        (lambda: verdict("x", 1, excludes="y", over=0), TypeError, "one bound"),
    ],
)
def test_wrong_arguments_are_told(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("bound", "kept"),
    [
        ({"at_least": 0.5}, True),
        ({"above": 0.5}, False),
        ({"at_most": 0.5}, True),
        ({"below": 0.5}, False),
    ],
)
def test_a_verdict_says_number_bound_and_what_it_excludes(bound, kept, capsys):
    verdict("accuracy", 0.5, excludes="guessing, 0.1", **bound)
    line, excluded = capsys.readouterr().out.splitlines()
    assert line.startswith("✓ accuracy" if kept else "✗ accuracy")
    assert "measured 0.500" in line and line.endswith(" 0.5")
    assert excluded == "  rules out: guessing, 0.1"


def test_nan_keeps_no_bound(capsys):
    verdict("loss", float("nan"), excludes="anything", below=1)
    assert capsys.readouterr().out.startswith("✗")


def test_there_is_one_bar_for_all_runs():
    """No run shows a view of its own, whether it asks for one or not."""
    views = compare({"a": None}, lambda _, seed: _make_view(True, 4), seeds=2)["a"]
    assert views == [None, None]
    view = _make_view(True, 4)
    assert view is not None
    view.close()
