"""What an exercise is, and how an answer is told right from wrong.

A check is a function that takes an answer and returns if it is right, or raises
`Wrong`. The decorator `exercise` makes it answer a reader: unanswered, wrong with hints
that grow stronger, an error of the reader's own with its line, too slow, or right.
"""

from __future__ import annotations

import dis
import functools
import html
import linecache
import os
import traceback
import types
from dataclasses import dataclass
from pathlib import Path

from d2l_nin.checks.expect import Wrong
from d2l_nin.checks.limits import (
    MOST_PRINTED,
    TooSlow,
    few_prints,
    own_random_numbers,
    within,
)

__all__ = [
    "Exercise",
    "Verdict",
    "exercise",
    "exercises_in",
    "readers_line",
    "what_it_said",
]

UNANSWERED, RIGHT, WRONG, FAILED, TOO_SLOW = (
    "unanswered",
    "right",
    "wrong",
    "failed",
    "too slow",
)
_MARKS = {UNANSWERED: "○", RIGHT: "✓", WRONG: "✗", FAILED: "✗", TOO_SLOW: "✗"}
_COLOURS = {UNANSWERED: "#767676", RIGHT: "#0072b2"}  # the others: vermilion
# Frames of these files are ours or a library's, not the reader's.
_NOT_THE_READERS = (str(Path(__file__).parents[1]) + os.sep, "site-packages",
                    "dist-packages", "/lib/python3", "<decorator", "<frozen",
                    "<__array_function__")  # fmt: skip
# What a class has without anybody writing it.
_OF_EVERY_CLASS = {"__module__", "__qualname__", "__doc__", "__dict__", "__weakref__",
                   "__annotations__", "__firstlineno__",
                   "__static_attributes__"}  # fmt: skip
_EMPTY_BASES = {"object", "Block", "HybridBlock"}  # what they give does nothing yet


@dataclass
class Verdict:
    """What a check says of an answer.

    Attributes
    ----------
    name : str
        Chapter and exercise, "ch02.padding".
    status : str
        "unanswered", "right", "wrong", "failed" (it raised) or "too slow".
    lines : tuple of str
        What a reader sees below the first line.
    """

    name: str
    status: str
    lines: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        return self.status == RIGHT

    def _first_line(self) -> str:
        return f"{_MARKS[self.status]} {self.name}: {self.status}"

    def __repr__(self) -> str:
        return "\n".join([self._first_line(), *(f"  {line}" for line in self.lines)])

    def _repr_html_(self) -> str:
        colour = _COLOURS.get(self.status, "#d55e00")
        lines = "".join(
            f"<div style='white-space:pre-wrap'>{html.escape(line)}</div>"
            for line in self.lines
        )
        return (
            f"<div role='status' style='border-left:6px solid {colour};"
            "padding:4px 12px;font-size:1rem;line-height:1.5'>"
            f"<strong>{html.escape(self._first_line())}</strong>{lines}</div>"
        )


def _is_stub(function: types.FunctionType) -> bool:
    """Whether a function does nothing but return None or `...`."""
    steps = [
        (step.opname, step.argval)
        for step in dis.get_instructions(function)
        if step.opname not in ("RESUME", "NOP", "COPY_FREE_VARS", "MAKE_CELL")
    ]
    values = [value for name, value in steps if name in ("LOAD_CONST", "RETURN_CONST")]
    names = [name for name, _ in steps]
    return names in (["LOAD_CONST", "RETURN_VALUE"], ["RETURN_CONST"]) and (
        values[0] is None or values[0] is ...
    )


def _is_unanswered(answer) -> bool:
    """`...`, None, or a function, class or container with nothing else in it.

    A class has nothing in it without a method, or if all but __init__ are stubs. One
    that inherits more than a Block's has.
    """
    if answer is ... or answer is None:
        return True
    if isinstance(answer, (types.FunctionType, types.MethodType)):
        return _is_stub(answer)
    if isinstance(answer, type):
        if {base.__name__ for base in answer.__bases__} - _EMPTY_BASES:
            return False
        own = {n: v for n, v in vars(answer).items() if n not in _OF_EVERY_CLASS}
        methods = {n: v for n, v in own.items() if n != "__init__"} or own
        return all(
            isinstance(value, types.FunctionType) and _is_stub(value)
            for value in methods.values()
        )
    if type(answer) is dict:
        answer = list(answer.values())
    if type(answer) in (list, tuple):
        return len(answer) > 0 and all(map(_is_unanswered, answer))
    return False


def _printable(text: str) -> str:
    """Text that any stream can take, and not too long to be read."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= 300 else text[:297] + "..."


def readers_line(error: BaseException) -> str:
    """The reader's own line in a traceback, the last one; empty if there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not any(part in frame.filename for part in _NOT_THE_READERS):
            line = frame.line or linecache.getline(frame.filename, frame.lineno)
            if line.strip():  # functions that a library makes as text have none
                return _printable(f"line {frame.lineno}: {line.strip()}")
    return ""


def what_it_said(error: BaseException) -> str:
    """An error as Python's last line about it."""
    try:
        said = str(error).strip().splitlines()
    except Exception:
        said = []
    if said and said[0].startswith("Traceback"):  # MXNet's, with files of its own
        told = [line for line in said if "Error: " in line] or said[-1:]
        said = [told[-1].partition("Error: ")[2] or told[-1]]
    message = said[0] if said else "(no message)"
    return _printable(f"{type(error).__name__}: {message}")


class Exercise:
    """A check that answers a reader; made by `exercise`."""

    def __init__(self, check, hints, remember: str, seconds: float = 20):
        functools.update_wrapper(self, check)
        _expect_two(hints)
        self.check, self.hints, self.remember = check, tuple(hints), remember
        self.seconds = seconds
        self.num_wrong = 0
        chapter = check.__module__.rpartition(".")[2]
        self.name = f"{chapter}.{check.__name__}"

    def __repr__(self) -> str:
        first, *_ = (self.__doc__ or "").strip().splitlines() or ["no description"]
        return f"<exercise {self.name}: {first}>"

    def __call__(self, answer=..., *measured) -> Verdict:
        """What a reader sees. Each wrong answer makes the hint stronger.

        Parameters
        ----------
        answer : object
        measured : objects
            What a cell measured, for an exercise that asks for a prediction.
        """
        verdict = self.judge(answer, *measured)
        if verdict.status in (UNANSWERED, RIGHT):
            return verdict
        hint = self.hints[min(self.num_wrong, len(self.hints) - 1)]
        self.num_wrong += 1
        return Verdict(verdict.name, verdict.status, (*verdict.lines, f"Hint: {hint}"))

    def judge(self, answer=..., *measured) -> Verdict:
        """The same without a hint that depends on how often it was called."""
        if _is_unanswered(answer):
            lines = ("Put your answer in place of the dots.",)
            return Verdict(self.name, UNANSWERED, lines)
        with few_prints() as printed, own_random_numbers():
            status, lines = self._try(answer, *measured)
        if printed[0] > MOST_PRINTED:
            lines = [*lines, f"It printed {printed[0]:,} characters, most cut off."]
        return Verdict(self.name, status, tuple(lines))

    def _try(self, *arguments) -> tuple[str, list[str]]:
        """(the status, what is said about it)."""
        try:
            within(self.seconds, self.check, *arguments)
        except Wrong as wrong:
            lines = [f"Expected: {wrong.expected}", f"Came: {wrong.came}"]
            return WRONG, [*lines, *filter(None, [wrong.mistake])]
        except TooSlow:
            said = f"Stopped after {self.seconds:g} s. Does a loop never end?"
            return TOO_SLOW, [said]
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit, or one of the answer's own
            where = filter(None, [readers_line(error)])
            lines = ["Your answer raised an error when it was tried:", *where]
            return FAILED, [*lines, what_it_said(error)]
        return RIGHT, [self.remember]


def _expect_two(hints) -> None:
    if isinstance(hints, str) or len(hints) < 2:
        raise ValueError(
            f"hints: expected two or more, from weak to strong, got {hints}"
        )


def exercise(*hints: str, remember: str, seconds: float = 20):
    """Make a check an `Exercise`.

    Parameters
    ----------
    hints : str
        From weak to strong; two or more. The first comes with the first wrong answer.
    remember : str
        The sentence worth remembering, told with "right".
    seconds : float
        The time limit.
    """
    _expect_two(hints)
    return lambda check: Exercise(check, hints, remember, seconds)


def exercises_in(module) -> dict[str, Exercise]:
    """A module's exercises by name, in the order they are defined in."""
    found = {n: each for n, each in vars(module).items() if isinstance(each, Exercise)}
    chapter = module.__name__.rpartition(".")[2].partition("_")[0]
    for name, each in found.items():
        each.name = f"{chapter}.{name}"
    return found
