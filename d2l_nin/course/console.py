"""What a terminal shows: one console, progress bars, chapters as they are run."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from d2l_nin.course.chapters import execute, find_chapters

__all__ = [
    "BUILD",
    "NOTEBOOKS",
    "chapters_here",
    "console",
    "execute_all",
    "forgive_terminal",
    "progress_bar",
    "show_error",
]

NOTEBOOKS = Path("notebooks")
BUILD = Path("build")

# Outside a terminal rich would assume 80 columns and break the tables.
console = Console(width=None if sys.stdout.isatty() else 130, highlight=False)


def forgive_terminal() -> None:
    """From now on, what a terminal can't show is replaced and stops nothing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def chapters_here(wanted: str) -> list[Path]:
    """The chapters of the course that this was started in, or an error to be shown."""
    if not NOTEBOOKS.is_dir():
        raise click.ClickException(
            f"there is no folder '{NOTEBOOKS}' here: start this in the course's folder"
        )
    try:
        return find_chapters(NOTEBOOKS, wanted)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None


def progress_bar() -> Progress:
    """A bar on a terminal; elsewhere nothing."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def execute_all(paths: list[Path]):
    """Run chapters one after the other under a bar; yields each when it is done."""
    progress = progress_bar()
    with progress:
        for path in paths:
            stem = path.relative_to(NOTEBOOKS).with_suffix("").as_posix()
            if not console.is_terminal:
                console.print(f"{stem} ...")
            task = progress.add_task(stem, total=None)

            def show(cell, num_cells, task=task, stem=stem):
                progress.update(
                    task,
                    description=f"{stem}, cell {cell} of {num_cells}",
                    completed=cell - 1,
                    total=num_cells,
                )

            execution = execute(path, show)
            mark = "[red]failed[/]" if execution.error else "done"
            done = progress.tasks[task].total
            progress.update(
                task,
                description=f"{stem}, {mark}",
                **({} if execution.error else {"completed": done}),
            )
            if not console.is_terminal:
                console.print(f"{stem} {mark} after {execution.seconds:.0f} s")
            yield execution


def show_error(execution) -> None:
    """Print what stopped a chapter."""
    console.rule(f"[red]{execution.path.name} stopped")
    console.print(Text.from_ansi(execution.error))
    console.rule(style="red")
