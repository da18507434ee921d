"""Floor 4: `python -m d2l_nin`, what the Makefile calls."""

from __future__ import annotations

import json
import signal
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
from rich.table import Table
from rich.text import Text

from d2l_nin.grading.command import grade

NOTEBOOKS = Path("notebooks")
BUILD = Path("build")
BUNDLE = BUILD / "d2l-nin-students.zip"
PICTURE = Path("docs/nets.svg")
TORCH_PYTHON = Path(".venv-bench/bin/python")

# Outside a terminal rich would assume 80 columns and break the tables.
console = Console(width=None if sys.stdout.isatty() else 130, highlight=False)


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


def _chapters(wanted: str) -> list[Path]:
    from d2l_nin.chapters import find_chapters

    if not NOTEBOOKS.is_dir():
        raise click.ClickException(
            f"there is no folder '{NOTEBOOKS}' here: start this in the course's folder"
        )
    try:
        return find_chapters(NOTEBOOKS, wanted)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _execute_all(paths: list[Path]):
    """Run chapters one after the other under a bar; yields each when it is done."""
    from d2l_nin.chapters import execute

    progress = _bar()
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


def _show_error(execution) -> None:
    console.rule(f"[red]{execution.path.name} stopped")
    console.print(Text.from_ansi(execution.error))
    console.rule(style="red")


@main.command()
@click.argument("chapter", default="")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=BUILD,
    show_default=True,
    help="Folder for executed notebooks and their HTML.",
)
def run(chapter: str, out: Path) -> None:
    """Execute every chapter, or those that begin with CHAPTER (02).

    Each runs in a fresh kernel; the committed notebooks are not touched. One table at
    the end says what each net reached. A chapter stops at its first failing cell, the
    others still run, and the exit status is 1.
    """
    import nbformat

    from d2l_nin.chapters import result_of, to_html

    paths = _chapters(chapter)
    out.mkdir(parents=True, exist_ok=True)
    executions = []
    for execution in _execute_all(paths):
        executions.append(execution)
        if execution.error:
            _show_error(execution)
        name = execution.path.name
        nbformat.write(execution.notebook, out / name)
        html = to_html(execution.notebook)
        (out / name).with_suffix(".html").write_text(html, encoding="utf-8")

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
    console.print(table)
    console.print(f"Executed notebooks and HTML are in {out}/")
    if any(execution.error for execution in executions):
        sys.exit(1)


@main.command()
@click.argument("chapter", default="")
def notebooks(chapter: str) -> None:
    """Re-execute the committed chapters and solutions and save them with their outputs.

    Those that begin with CHAPTER, or all. A chapter that fails is left as it was. The
    table in README.md and its picture are written again.
    """
    from d2l_nin.chapters import find_solutions, save_chapter, update_readme

    failed = False
    paths = [*_chapters(chapter), *find_solutions(NOTEBOOKS, chapter)]
    for execution in _execute_all(paths):
        if execution.error:
            failed = True
            _show_error(execution)
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
    """Build the slides of every chapter, or of those that begin with CHAPTER (02)."""
    import nbformat

    from d2l_nin import slides as rooms
    from d2l_nin.chapters import title_of

    paths = _chapters(chapter)
    titles = {
        path: title_of(nbformat.read(path, as_version=4)) for path in _chapters("")
    }
    try:
        node_modules = rooms.install_node_modules(BUILD / "node")
        rooms.vendor(node_modules, out / "assets")
        for path in paths:
            deck = rooms.build_deck(path, titles[path], out)
            console.print(
                f"{path.stem}: {deck.num_slides} slides, {deck.minutes} minutes"
            )
            if pdf:
                console.print(f"  printed to {rooms.print_pdf(deck)}")
        decks = (rooms.deck_of(path, title, out) for path, title in titles.items())
        rooms.write_contents([deck for deck in decks if deck.is_built()], out)
    except rooms.ToolMissing as error:
        raise click.ClickException(str(error)) from None
    console.print(f"Open {out}/index.html")


@main.command()
def doctor() -> None:
    """Say what this machine offers, what is wrong, and how to mend it."""
    from d2l_nin.doctor import examine

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
    from d2l_nin.bundle import course_files, write_bundle
    from d2l_nin.chapters import for_students

    chapters = _chapters("")
    try:
        files = course_files(Path())
        for path in chapters:
            files[path.as_posix()] = for_students(path).encode()
    except (FileNotFoundError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    write_bundle(out, files)
    size = out.stat().st_size / 2**20
    console.print(f"{out}: {len(chapters)} chapters, {size:.1f} MiB")


@main.command()
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
    from d2l_nin import bench as measuring
    from d2l_nin.chapters import chapter_runs

    paths = _chapters("")
    try:
        found = {"busy before": measuring.check_idle(anyway)}
    except measuring.Busy as error:
        raise click.ClickException(str(error)) from None
    found["chapters"] = chapter_runs(NOTEBOOKS)
    with_torch = measuring.has_torch(torch_python)
    if not with_torch and part in ("all", "loops"):
        why = "can't import it" if torch_python.exists() else "is not there"
        console.print(
            f"Without PyTorch: {torch_python} {why}. make bench sets it up, for Python "
            "3.10 or later."
        )
    try:
        with console.status("...") as status:
            measuring.run_all(
                found, BUILD, torch_python if with_torch else None,
                repetitions=repetitions, num_images=images, part=part,
                tell=status.update, keep=_keep_figures,
            )  # fmt: skip
    except RuntimeError as error:
        _keep_figures(found)
        raise click.ClickException(
            f"{error}\nWhat was measured until then is in {BUILD}/bench.json."
        ) from None
    found["busy after"] = measuring.busy_share()
    if part == "chapters":
        found["chapters"] = {
            execution.path.stem: {"seconds": round(execution.seconds), "measured": True}
            for execution in _execute_all(paths)
        }
    _keep_figures(found)
    busy = max(found["busy before"], found["busy after"]) > measuring.MOST_BUSY
    table = Table(title="THE MACHINE WAS BUSY: these ratios mean little" if busy
                  else "Measured side by side: median (lowest … highest)")  # fmt: skip
    for column in ("what", "measured", "beside it"):
        table.add_column(column)
    for row in measuring.table_rows(found):
        table.add_row(*row)
    console.print(table)
    if part == "all":
        (BUILD / "bench.svg").write_text(bench_picture(found).svg, encoding="utf-8")
        console.print(f"Raw figures in {BUILD}/bench.json, a picture in bench.svg")


def _keep_figures(found: dict) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "bench.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


def bench_picture(found: dict):
    """The chart of what `bench` found."""
    from d2l_nin.bench import spread
    from d2l_nin.figures import bench_chart

    speed = {}
    for name, runs in found["loops"].items():
        figures = spread(run["images_per_second"] for run in runs)
        speed[name] = figures["low"], figures["median"], figures["high"]
    growth = {
        what: ([row["macs"] * row["images"] for row in rows],
               [row["seconds"] for row in rows])
        for what, rows in found["growth"].items()
    }  # fmt: skip
    text = ", ".join(f"{name} {each[1]:,.0f}" for name, each in speed.items())
    return bench_chart(
        speed, growth,
        alt=f"Bars of images a second: {text}. Beside them training time against MACs.",
    )  # fmt: skip


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
