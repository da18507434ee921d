"""`python -m d2l_nin`, what the Makefile calls."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from d2l_nin.course.console import (
    BUILD,
    NOTEBOOKS,
    chapters_here,
    console,
    execute_all,
    show_error,
)
from d2l_nin.grading.command import grade

BUNDLE = BUILD / "d2l-nin-students.zip"
PICTURE = Path("docs/nets.svg")
DECKS = Path("slides")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="d2l_nin")
def main() -> None:
    """A hands-on course: from 1×1 convolution to ResNet with MXNet Gluon."""


main.add_command(grade)


def readme_picture():
    """The picture of README.md: two nets with dense heads, and NiN."""
    from d2l_nin.baselines import alexnet, lenet
    from d2l_nin.figures import draw_nets
    from d2l_nin.nin import nin_fashion_mnist

    large = (1, 1, 224, 224)
    return draw_nets(
        {
            "LeNet": (lenet(), (1, 1, 28, 28)),
            "AlexNet": (alexnet(), large),
            "NiN": (nin_fashion_mnist(), large),
        }
    )


@main.command()
@click.argument("chapter", default="")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=BUILD,
    show_default=True,
    help="Folder for executed notebooks and their HTML.",
)
@click.option("--profile", is_flag=True, help="Show the twenty longest cells as well.")
def run(chapter: str, out: Path, profile: bool) -> None:
    """Execute every chapter, or those that begin with CHAPTER (02).

    Each runs in a fresh kernel; the committed notebooks are not touched. One table at
    the end says what each net reached. A chapter stops at its first failing cell, the
    others still run, and the exit status is 1.
    """
    from d2l_nin.course.chapters import longest_cells, titles_of
    from d2l_nin.course.page import write_executed, write_index

    paths = chapters_here(chapter)
    others = [(f"{path.stem}.html", title) for path, title in titles_of(NOTEBOOKS)]
    out.mkdir(parents=True, exist_ok=True)
    executions = []
    for execution in execute_all(paths):
        executions.append(execution)
        if execution.error:
            show_error(execution)
        try:
            write_executed(execution, out, others)
        except Exception as error:  # this chapter's own, the others go on
            why = f"its page could not be written: {type(error).__name__}: {error}"
            if not execution.error:
                execution.error = why
                show_error(execution)
    write_index(out, others)
    console.print(_what_was_reached(executions))
    if profile:
        table = Table(
            "chapter", "cell", "seconds", "begins with", title="Longest cells"
        )
        for stem, number, took, first in longest_cells(executions):
            table.add_row(stem, str(number), f"{took:.1f}", Text(first[:60]))
        console.print(table)
    console.print(f"Executed notebooks and HTML are in {out}/: open {out}/index.html")
    if any(execution.error for execution in executions):
        sys.exit(1)


def _what_was_reached(executions) -> Table:
    from d2l_nin.course.chapters import result_of

    table = Table(title="What the chapters reached")
    for column in ("chapter", "net"):
        table.add_column(column)
    for column in (
        "parameters",
        "MACs",
        "test accuracy",
        "training",
        "chapter took",
        "peak memory",
    ):
        table.add_column(column, justify="right")
    for execution in executions:
        result = result_of(execution.notebook)
        cells = ["–"] * 5
        if execution.error:
            cells = ["[red]failed[/]", *["–"] * 4]
        elif result:
            cells = [
                result["net"],
                f"{result['num_params']:,}",
                f"{result['macs']:,}",
                f"{result['test_acc']:.2%}",
                f"{result['seconds']:.0f} s",
            ]
        memory = f"{execution.peak_mib:,.0f} MiB"
        table.add_row(
            execution.path.stem,
            *cells,
            f"{execution.seconds:.0f} s",
            memory if execution.peak_mib else "–",
        )
    return table


@main.command()
@click.argument("chapter", default="")
def notebooks(chapter: str) -> None:
    """Re-execute the committed chapters and solutions and save them with their outputs.

    Those that begin with CHAPTER, or all. A chapter that fails is left as it was. The
    table in README.md and its picture are written again.
    """
    from d2l_nin.course.chapters import find_solutions, save_chapter, update_readme

    failed = False
    paths = [*chapters_here(chapter), *find_solutions(NOTEBOOKS, chapter)]
    for execution in execute_all(paths):
        if execution.error:
            failed = True
            show_error(execution)
        else:
            save_chapter(execution)
    if failed:
        raise click.ClickException("README.md was not written again.")
    try:
        update_readme(Path("README.md"), NOTEBOOKS)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(readme_picture().svg, encoding="utf-8")


@main.command()
@click.argument("chapter", default="")
@click.option("--pdf", is_flag=True, help="Print each deck to slides.pdf as well.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=BUILD / "slides",
    show_default=True,
)
def slides(chapter: str, pdf: bool, out: Path) -> None:
    """Build the decks of all chapters, or of those that begin with CHAPTER (02)."""
    from d2l_nin.course import slides as room
    from d2l_nin.course.deck import DeckError

    try:
        decks = room.find_decks(DECKS, out, chapter)
        node_modules = room.install_node_modules(BUILD / "node")
        room.vendor(node_modules, out / "assets")
        for deck in decks:
            room.build_deck(deck, NOTEBOOKS / f"{deck.path.name}.ipynb")
            console.print(
                f"{deck.path.name}: {deck.num_slides} slides, {deck.minutes} minutes"
            )
            if pdf:
                console.print(f"  printed to {room.print_pdf(deck)}")
        built = [deck for deck in room.find_decks(DECKS, out) if deck.is_built()]
        room.write_contents(built, out)
        faults = room.look_at(decks, node_modules) if room.has_chromium() else None
    except (DeckError, FileNotFoundError, room.ToolMissing) as error:
        raise click.ClickException(str(error)) from None
    if faults:
        raise click.ClickException("\n".join(["the slides need care:", *faults]))
    if faults is None:
        console.print("Chromium is missing: nobody looked whether anything overflows.")
    console.print(f"Open {out}/index.html")


@main.command()
def doctor() -> None:
    """Say what this machine offers, what is wrong, and how to mend it."""
    from d2l_nin.course.doctor import examine

    table = Table(title="What this machine offers")
    for column in ("", "looked at", "found", "how to mend it"):
        table.add_column(column)
    findings = examine()
    for finding in findings:
        mark = "ok"
        if finding.mend:
            mark = "[red]wrong[/]" if finding.fatal else "[yellow]look[/]"
        table.add_row(mark, finding.subject, finding.found, finding.mend)
    console.print(table)
    if any(finding.fatal for finding in findings):
        sys.exit(1)


@main.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False),
              default=BUNDLE, show_default=True)  # fmt: skip
def bundle(out: Path) -> None:
    """Make the zip that students get.

    In it are the chapters with their exercises unanswered, the package and the data; no
    solutions, tests and slides. Unzipped, `make lab` is all it takes.
    """
    from d2l_nin.course.bundle import course_files, date_of, write_bundle
    from d2l_nin.course.chapters import for_students

    chapters = chapters_here("")
    try:
        files = course_files(Path())
        for path in chapters:
            files[path.as_posix()] = for_students(path).encode()
    except (FileNotFoundError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    write_bundle(out, files, date_of(Path()))
    size = out.stat().st_size / 2**20
    console.print(f"{out}: {len(chapters)} chapters, {size:.1f} MiB")


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--workers", default=2, show_default=True, help="Processes that train.")
@click.option("--servers", default=1, show_default=True, help="They sum gradients.")
@click.option("--hosts", default="localhost", show_default=True,
              help="Names with commas between, reached by ssh.")  # fmt: skip
@click.option("--port", type=int, help="Of the scheduler.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def launch(workers: int, servers: int, hosts: str, port: int | None, command) -> None:
    """Run COMMAND as every worker of one job that trains a net together.

    In it stands fit(…, kvstore="dist_sync"). If a process dies, the job ends.
    """
    from d2l_nin.training.launch import JobFailed
    from d2l_nin.training.launch import launch as start

    # SIGTERM must not leave processes behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        start(
            command, num_workers=workers, num_servers=servers, hosts=hosts.split(","),
            port=port,
        )  # fmt: skip
    except (JobFailed, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
