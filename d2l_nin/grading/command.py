"""`python -m d2l_nin grade`."""

from __future__ import annotations

import signal
import sys
from datetime import datetime
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from d2l_nin.course.console import console
from d2l_nin.grading import report, scores
from d2l_nin.grading.scores import FORMATS

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
@click.option("--format", "platform", type=click.Choice(FORMATS), default="csv",
              show_default=True,
              help="Write also the table that Moodle or Canvas imports.")  # fmt: skip
@click.option("--roster", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="The table of students that Moodle or Canvas exported.")  # fmt: skip
@click.option("--rules", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Points, partial credit, due dates: see the README.")  # fmt: skip
@click.option("--zip", "zipped", is_flag=True, help="All reports in one zip as well.")
@click.option("--checks", default="d2l_nin.checks", hidden=True)
def grade(submissions: Path, out: Path, jobs: int | None, seconds: float, memory: int,
          checks: str, **written) -> None:  # fmt: skip
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

    from d2l_nin.environment import num_cores
    from d2l_nin.grading import journal as journals
    from d2l_nin.grading.grade import grade_all
    from d2l_nin.grading.submissions import Limits, find_submissions

    known = importlib.import_module(checks)
    rules, roster = _told(known, written)
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
        tables = _Tables(found, journal, known, rules, out)
        tables.write(reports, written, roster)
    except (KeyboardInterrupt, SystemExit):
        console.print("Interrupted: the same command goes on from here.")
        raise
    except RuntimeError as error:
        raise click.ClickException(str(error)) from None
    finally:
        journal.close()


def _show_progress(runs, num_files: int) -> None:
    from d2l_nin.course.console import progress_bar

    progress = progress_bar()
    with progress:
        task = progress.add_task("grading", total=num_files)
        for submission, came in runs:
            progress.update(task, advance=1)
            if came is not None and not console.is_terminal:
                console.print(Text(f"{submission.file}: {came['seconds']} s"))


def _told(known, written):
    """Rules and roster, read before anything is run."""
    names = [exercise.name for chapter in report.chapters_of(known)
             for exercise in known.exercises_of(chapter).values()]  # fmt: skip
    path, roster, platform = written["rules"], written["roster"], written["platform"]
    if roster and platform == "csv":
        raise click.UsageError("--roster goes with --format moodle or canvas")
    try:
        rules = scores.read_rules(path, names) if path else scores.Rules()
        return rules, scores.read_roster(roster, platform) if roster else {}
    except ValueError as error:
        raise click.ClickException(str(error)) from None


class _Tables:
    """What a grading ends with: the tables, a page for each student, a summary."""

    def __init__(self, found, journal, known, rules, out: Path):
        self.files = {submission.file: submission for submission in found}
        self.students = sorted({submission.student for submission in found})
        self.journal, self.rules, self.out = journal, rules, out
        self.best, self.points, self.troubled = {}, {}, []
        for student, entries in self._entries():
            self.best[student] = report.best(entries)
            self.points[student] = scores.score(entries, self._handed_in, rules)
            self.troubled += [f"{e['file']}: {e['note']}" for e in entries if e["note"]]
        chapters = {name[2:4] for came in self.best.values() for name in came}
        self.columns = [
            exercise.name
            for chapter in sorted(chapters or report.chapters_of(known))
            for exercise in known.exercises_of(chapter).values()
        ]

    def _entries(self):
        """Each student's entries, read when they are needed: all hold much text."""
        for student in self.students:
            yield student, self.journal.of(student, self.files)

    def _handed_in(self, file: str) -> datetime:
        """A file's time; of one that can't be asked, the earliest there is."""
        try:
            seconds = self.files[file].path.stat().st_mtime
        except OSError:
            seconds = 0.0
        return datetime.fromtimestamp(seconds).astimezone()

    def write(self, reports: Path, written, roster: dict) -> None:
        rows = ((student, entries, sum(self.points[student].values()))
                for student, entries in self._entries())  # fmt: skip
        report.write_table(self.out, self.columns, rows, written["bom"])
        for student, entries in self._entries():
            report.write_report(reports, student, entries, self.columns)
        self._summarize()
        console.print(
            f"The table is {self.out}; a page for each student is in {reports}/"
        )
        if written["zipped"]:
            console.print(f"All pages are in {report.zip_reports(reports)}")
        if written["platform"] != "csv":
            self._for_platform(written["platform"], roster)

    def _for_platform(self, platform: str, roster: dict) -> None:
        worth = {name: self.rules.worth(name) for name in self.columns}
        rows, strangers = scores.table_for(platform, self.points, worth, roster)
        path = self.out.with_name(f"{self.out.stem}_{platform}.csv")
        report.write_rows(path, rows)
        console.print(f"{platform.title()} imports {path}")
        for student in strangers:
            console.print(Text(f"{student}: not in the roster, left out of {path}"))

    def _summarize(self) -> None:
        title = f"{len(self.students)} students, {len(self.files)} files"
        table = Table(title=title)
        table.add_column("exercise")
        for status in ("right", "wrong", "unanswered", "other"):
            table.add_column(status, justify="right")
        for name in self.columns:
            came = [best.get(name) for best in self.best.values()]
            shown = [came.count(s) for s in ("right", "wrong", "unanswered")]
            table.add_row(name, *map(str, shown), str(len(came) - sum(shown)))
        console.print(table)
        for remark in self.troubled[:20]:
            console.print(Text(remark))
        if len(self.troubled) > 20:
            more = len(self.troubled) - 20
            console.print(f"… and {more} more remarks in {self.out}")
