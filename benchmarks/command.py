"""`python -m benchmarks`: one table, a picture, and the raw figures."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.table import Table

from benchmarks import measure
from benchmarks.chart import bench_picture
from benchmarks.table import table_rows
from d2l_nin.course.chapters import chapter_runs
from d2l_nin.course.console import (
    BUILD,
    NOTEBOOKS,
    chapters_here,
    console,
    execute_all,
)

__all__ = ["bench"]

TORCH_PYTHON = Path(".venv-bench/bin/python")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--anyway", is_flag=True, help="Measure on a busy machine, too.")
@click.option("--torch-python", type=click.Path(path_type=Path, dir_okay=False),
              default=TORCH_PYTHON, show_default=True,
              help="A Python that has PyTorch.")  # fmt: skip
@click.option("--repetitions", default=3, show_default=True)
@click.option("--images", default=60_000, show_default=True,
              help="Training images of one repetition.")  # fmt: skip
@click.option("--part", default="all", show_default=True,
              type=click.Choice(["all", "loops", "goals", "growth", "chapters"]),
              help="'chapters' executes them; 'all' shows times as saved.")  # fmt: skip
def bench(anyway, torch_python: Path, repetitions: int, images: int, part: str) -> None:
    """Measure the course beside what readers would use instead.

    One table, build/bench.svg, and the raw figures in build/bench.json, which is
    written after each measurement.
    """
    paths = chapters_here("")
    try:
        found = {"busy before": measure.check_idle(anyway)}
    except measure.Busy as error:
        raise click.ClickException(str(error)) from None
    found["chapters"] = chapter_runs(NOTEBOOKS)
    with_torch = measure.has_torch(torch_python)
    if not with_torch and part in ("all", "loops"):
        why = "can't import it" if torch_python.exists() else "is not there"
        console.print(
            f"Without PyTorch: {torch_python} {why}. make bench sets it up, for Python "
            "3.10 or later."
        )
    try:
        with console.status("...") as status:
            measure.run_all(
                found, BUILD, torch_python if with_torch else None,
                repetitions=repetitions, num_images=images, part=part,
                tell=status.update, keep=_keep_figures,
            )  # fmt: skip
    except RuntimeError as error:
        _keep_figures(found)
        raise click.ClickException(
            f"{error}\nWhat was measured until then is in {BUILD}/bench.json."
        ) from None
    found["busy after"] = measure.busy_share()
    if part == "chapters":
        found["chapters"] = {
            execution.path.stem: {"seconds": round(execution.seconds), "measured": True}
            for execution in execute_all(paths)
        }
    _keep_figures(found)
    busy = max(found["busy before"], found["busy after"]) > measure.MOST_BUSY
    table = Table(title="THE MACHINE WAS BUSY: these ratios mean little" if busy
                  else "Measured side by side: median (lowest … highest)")  # fmt: skip
    for column in ("what", "measured", "beside it"):
        table.add_column(column)
    for row in table_rows(found):
        table.add_row(*row)
    console.print(table)
    if part == "all":
        (BUILD / "bench.svg").write_text(bench_picture(found).svg, encoding="utf-8")
        console.print(f"Raw figures in {BUILD}/bench.json, a picture in bench.svg")


def _keep_figures(found: dict) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "bench.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
