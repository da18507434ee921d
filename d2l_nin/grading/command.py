"""`python -m d2l_nin grade`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

__all__ = ["grade"]


@click.command()
@click.argument("submissions", type=click.Path(path_type=Path, exists=True,
                                               file_okay=False))  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False),
              default="grades.csv", show_default=True,
              help="The table; reports and a journal go beside it.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), help="At a time. [default: cores]")
@click.option("--seconds", type=click.FloatRange(1), default=300, show_default=True,
              help="For one cell; all together may take ten times that.")  # fmt: skip
@click.option("--memory", type=click.IntRange(500), default=3000, show_default=True,
              help="MiB for one notebook.")  # fmt: skip
@click.option("--bom", is_flag=True,
              help="Begin the table with a byte order mark: Excel needs it to show "
              "names right.")  # fmt: skip
@click.option("--checks", default="d2l_nin.checks", hidden=True)
def grade(submissions: Path, out: Path, jobs: int | None, seconds: float, memory: int,
          bom: bool, checks: str) -> None:  # fmt: skip
    """Grade the notebooks in the folder SUBMISSIONS.

    A folder in it holds a student's notebooks and is named after the student. A
    notebook that lies in SUBMISSIONS itself is named so too, up to the chapter's name:
    ada_02_network_in_network.ipynb or ada.ipynb.

    The imports run, and the cells from the heading "Exercises" on. Where an answer is
    not right then, the whole notebook runs, in order; the best answer counts.

    The table has a row for each student and a column for each exercise of the chapters
    that were handed in: right, wrong, unanswered, failed (an error), too slow, killed
    (with its process), missing, or unreadable (the student handed in a file that is no
    notebook; "remarks" says why). What the checks said stands in a page for each.

    Started again, it goes on where it was interrupted, and runs what is new.

    It protects you from mistakes and mischief, not from an attack: a notebook runs
    under your account. Grade what you can't trust in a container.
    """
    import importlib

    from d2l_nin.course.console import console
    from d2l_nin.environment import num_cores
    from d2l_nin.grading import journal as journals
    from d2l_nin.grading.grade import grade_all
    from d2l_nin.grading.submissions import Limits, find_submissions

    known = importlib.import_module(checks)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    limits = Limits(seconds, memory * 2**20)
    journal_path = out.with_name(f"{out.stem}_journal.jsonl")
    reports = out.with_name(f"{out.stem}_reports")
    out.parent.mkdir(parents=True, exist_ok=True)
    found = list(find_submissions(submissions, [out, journal_path, reports]))
    if not found:
        raise click.ClickException(f"{submissions}: nothing was handed in")
    journal = journals.Journal(journal_path, journals.digest_of_checks(checks, limits))
    try:
        runs = grade_all(
            found, journal, limits, jobs or num_cores(), checks, submissions
        )
        _show_progress(runs, len(found))
        _write_grades(found, journal, known, out, reports, bom)
    except (KeyboardInterrupt, SystemExit):
        console.print("Interrupted: the same command goes on from here.")
        raise
    except RuntimeError as error:
        raise click.ClickException(str(error)) from None
    finally:
        journal.close()


def _show_progress(runs, num_files: int) -> None:
    from d2l_nin.course.console import console, progress_bar

    progress = progress_bar()
    with progress:
        task = progress.add_task("grading", total=num_files)
        for submission, came in runs:
            progress.update(task, advance=1)
            if came is not None and not console.is_terminal:
                console.print(Text(f"{submission.file}: {came['seconds']} s"))


def _write_grades(found, journal, known, out: Path, reports: Path, bom) -> None:
    """The table, a page for each student, and a summary on the console."""
    from d2l_nin.course.console import console
    from d2l_nin.grading import report

    files = {submission.file for submission in found}
    students = sorted({submission.student for submission in found})
    tally, troubled = {}, []
    for student in students:
        entries = journal.of(student, files)
        for name, status in report.best(entries).items():
            counts = tally.setdefault(name, {})
            counts[status] = counts.get(status, 0) + 1
        troubled += [entry for entry in entries if entry["note"]]
    chapters = {name[2:4] for name in tally} or set(report.chapters_of(known))
    columns = [
        exercise.name
        for chapter in sorted(chapters)
        for exercise in known.exercises_of(chapter).values()
    ]
    report.write_table(
        out,
        columns,
        ((student, journal.of(student, files)) for student in students),
        bom,
    )
    for student in students:
        entries = journal.of(student, files)
        report.write_report(reports, student, entries, columns)

    table = Table(title=f"{len(students)} students, {len(found)} files")
    table.add_column("exercise")
    for status in ("right", "wrong", "unanswered", "other"):
        table.add_column(status, justify="right")
    for name in columns:
        counts = tally.get(name, {})
        shown = [counts.get(s, 0) for s in ("right", "wrong", "unanswered")]
        other = len(students) - sum(shown)
        table.add_row(name, *map(str, shown), str(other))
    console.print(table)
    for entry in troubled[:20]:
        console.print(Text(f"{entry['file']}: {entry['note']}"))
    if len(troubled) > 20:
        console.print(f"… and {len(troubled) - 20} more remarks in {out}")
    console.print(f"The table is {out}; a page for each student is in {reports}/")
