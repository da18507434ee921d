"""What the bench found, as the rows of one table."""

from __future__ import annotations

from statistics import median

from benchmarks.measure import GOALS

__all__ = ["spread", "table_rows"]


def spread(values) -> dict:
    """Median, lowest and highest."""
    values = sorted(values)
    return {"median": median(values), "low": values[0], "high": values[-1]}


def _text(values, form: str) -> str:
    each = spread(values)
    low, high = form.format(each["low"]), form.format(each["high"])
    return f"{form.format(each['median'])} ({low} … {high})"


def _loop_rows(found: dict) -> list[tuple[str, str, str]]:
    rows = []
    ours = found["loops"]["this course"]
    for name, runs in found["loops"].items():
        speed = [run["images_per_second"] for run in runs]
        # Repetition by repetition, so that a drift of the machine cancels.
        ratios = [a["images_per_second"] / b for a, b in zip(ours, speed)]
        rows.append(
            (
                f"{name}, batches of {runs[0]['batch_size']}, training and evaluation",
                f"{_text(speed, '{:,.0f}')} images/s",
                "" if runs is ours else f"we: {_text(ratios, '{:.2f}')} times as fast",
            )
        )
        memory = _text([run["peak_mib"] for run in runs], "{:,.0f}")
        accuracy = _text([run["accuracy"] for run in runs], "{:.1%}")
        rows.append(("", f"{memory} MiB", f"accuracy after this epoch {accuracy}"))
    # Backward takes two products where forward takes one; a MAC is two operations.
    cost = 6 * found["net"]["macs"]
    shares = [cost * run["train_images_per_second"] / found["peak"] for run in ours]
    rows.append(
        (
            "our share of the machine's matrix product, training alone",
            _text(shares, "{:.0%}"),
            f"of {found['peak'] / 1e9:,.0f} GFLOP/s",
        )
    )
    return rows


def _goal_rows(found: dict) -> list[tuple[str, str, str]]:
    rows = []
    for net, num_epochs, _, goal in GOALS:
        runs = [
            run
            for run in found["goals"]
            if (run["net"], run["num_epochs"], run["goal"]) == (net, num_epochs, goal)
        ]
        seconds = [run["seconds"] for run in runs if run["seconds"] is not None]
        epochs = sorted({run["epoch"] for run in runs if run["epoch"] is not None})
        measured = f"{_text(seconds, '{:.1f}')} s" if seconds else "not reached"
        if seconds:
            measured += f", epoch {' or '.join(map(str, epochs))} of {num_epochs}"
        accuracy = _text([run["accuracy"] for run in runs], "{:.2%}")
        rows.append(
            (
                f"{net} to {goal:.0%}: {len(seconds)} of {len(runs)} seeds",
                measured,
                f"ends at {accuracy}",
            )
        )
    return rows


def _growth_rows(found: dict) -> list[tuple[str, str, str]]:
    rows = []
    for what, cases in found["growth"].items():
        first = cases[0]
        for case in cases:
            macs = case["macs"] * case["images"] / (first["macs"] * first["images"])
            rows.append(
                (
                    f"{what} {case['value']}",
                    f"{case['seconds']:.2f} s, {case['peak_mib']:,.0f} MiB",
                    f"{case['seconds'] / first['seconds']:.1f} times the time for "
                    f"{macs:.1f} times the MACs",
                )
            )
    return rows


def table_rows(found: dict) -> list[tuple[str, str, str]]:
    """Rows (what, measured, beside it) of all that was measured."""
    rows = []
    for part, make in (
        ("loops", _loop_rows),
        ("goals", _goal_rows),
        ("growth", _growth_rows),
    ):
        if part in found:
            rows += make(found)
    if "characters" in found:
        drawn = [run["images_per_second"] for run in found["characters"]]
        speed = f"{_text(drawn, '{:,.0f}')} a second"
        rows.append(("characters drawn and kept", speed, "on one core"))
    for chapter, run in found.get("chapters", {}).items():
        when = "just now" if run.get("measured") else "when it was saved"
        rows.append((f"chapter {chapter}", f"{run['seconds']} s", when))
    return rows
