"""One pass through a submitted notebook, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from d2l_nin.grading.cells import (
    Contents,
    NotANotebook,
    definitions_of,
    is_left_open,
    read_notebook,
)
from d2l_nin.grading.judge import Checks, Judge
from d2l_nin.grading.pristine import Pristine

__all__ = ["make_shell", "run_notebook"]

MOST_CHARACTERS = 20_000  # of a cell; of an error's line a fiftieth


class _Pass:
    """The cells of a notebook, run in order; the quick pass runs not all of them.

    Parameters
    ----------
    contents : Contents
    shell : InteractiveShell
    judge : function (on_verdict) -> Judge
    tell : function (message)
        Tells the process that watches.
    skip : container of int
        Cells that are not to be run.
    """

    def __init__(self, contents: Contents, shell, judge, tell, skip):
        self.contents, self.shell, self.tell, self.skip = contents, shell, tell, skip
        self.judge, self.cell = judge(self._on_verdict), -1

    def _on_verdict(self, name: str, state: dict) -> None:
        source = self.contents.sources[self.cell][:MOST_CHARACTERS]
        self.tell({"name": name, "state": {**state, "source": source}})

    def _begin(self, i: int) -> bool:
        """Whether a cell is to be run; says so, that its time begins."""
        if i not in self.skip:
            self.cell = i
            self.tell({"cell": i})
        return i not in self.skip

    def above(self) -> None:
        """Import and define what the cells above the exercises do, and no more."""
        for i, source in enumerate(
            self.contents.sources[: self.contents.exercises.start]
        ):
            statements = definitions_of(source, self.shell.transform_cell)
            if statements and self._begin(i):
                for statement in statements:  # one that fails is run whole later
                    self.shell.run_cell(statement)

    def run(self, i: int) -> None:
        """Run a cell as the notebook does; tell its error."""
        if not self._begin(i):
            return
        self.judge.listen()
        try:
            result = self.shell.run_cell(self.contents.sources[i], store_history=True)
            error = result.error_before_exec or result.error_in_exec
        except RecursionError as too_deep:  # the compiler's, not expected by IPython
            error = too_deep
        if error is not None:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            self.tell({"error": said[: MOST_CHARACTERS // 50], "in": i})


def run_notebook(
    path: Path, shell, checks: Checks, pristine: Pristine, task: dict, tell
) -> None:
    """Run a notebook once, quick or whole; have every answer judged.

    Parameters
    ----------
    path : Path
    shell : InteractiveShell
    checks : Checks
    pristine : Pristine
    task : dict
        "whole": bool, "skip": list of the cells to leave out.
    tell : function (message)
    """
    try:
        contents = read_notebook(path.read_bytes())
    except NotANotebook as error:
        tell({"note": str(error), "end": True})
        return
    except OSError as error:
        tell({"note": f"it can't be read: {error.strerror}", "end": True})
        return
    tell(_first_words(contents, shell, checks))
    whole = task["whole"]
    sys.path.insert(0, os.getcwd())
    passed = _Pass(
        contents, shell, lambda hear: Judge(checks, pristine, hear, really=whole), tell,
        frozenset(task["skip"]),
    )  # fmt: skip
    if not whole:
        passed.above()
    for i in range(len(contents.sources)) if whole else contents.exercises:
        if not whole:
            pristine.put_back()
        passed.run(i)
    tell({"end": True})


def _first_words(contents: Contents, shell, checks: Checks) -> dict:
    """What is known of a notebook before it runs."""
    mentions = {n: at for n, at in contents.mentions().items() if n in checks.by_name}
    chapters = {name[2:4] for name in mentions} | {contents.chapter}
    if not chapters & {*checks.chapters}:  # it may call any check, by an alias
        chapters = {*checks.chapters}
    return {
        "mentions": mentions,
        "sources": {
            at[-1]: contents.sources[at[-1]][:MOST_CHARACTERS]
            for at in mentions.values()
        },
        "open": [
            i
            for i in sorted({i for at in mentions.values() for i in at})
            if is_left_open(contents.sources[i], shell.transform_cell)
        ],
        "may call": contents.may_call(),
        "quick": [contents.exercises.start, contents.exercises.stop],
        "mib": contents.mib,
        "exercises": [n for n in checks.by_name if n[2:4] in chapters],
    }


def make_shell():
    """An IPython without history, whose figures are drawn nowhere."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """`%matplotlib inline` asks for it."""

        def enable_matplotlib(self, gui=None):
            """Nobody looks at figures: none is turned into an image."""
            return None, "agg"

        def showtraceback(self, *_, **__):
            """Nobody looks, and to make one takes long."""

        showsyntaxerror = showindentationerror = showtraceback

        def _tee(self, channel):
            """IPython 9 would keep all that is printed."""
            return contextlib.nullcontext()

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    shell = Shell.instance(config=config)
    # What a cell shows goes nowhere; `_` and `Out` work as in a notebook.
    shell.display_formatter.format = lambda *_, **__: ({}, {})
    shell.user_ns["exit"] = shell.user_ns["quit"] = sys.exit
    return shell
