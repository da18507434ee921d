"""Kinds of exercises, each a declaration: what is right, and which mistakes are known.

A mistake is a wrong answer with the sentence that names it: the check recognises it by
what it does, and the tests hand it in. So a sentence can't drift from its mistake.
`python -m d2l_nin.checks` makes a stub of each kind.
"""

from __future__ import annotations

import hashlib
import inspect

import numpy

from d2l_nin.checks import blocks
from d2l_nin.checks.exercise import Exercise
from d2l_nin.checks.expect import Wrong, as_number, as_text, as_whole_number, short
from d2l_nin.checks.outcomes import (
    Raised,
    difference,
    expect_untouched,
    outcome,
    own_copy,
    same,
    usable,
)

__all__ = [
    "Block",
    "Choice",
    "Evidence",
    "Function",
    "Number",
    "Prediction",
    "in_a_row",
    "sealed",
]


def sealed(name: str, value) -> str:
    """A digest in place of a right answer, so that the code does not show it."""
    found = hashlib.pbkdf2_hmac("sha256", f"{value}".encode(), name.encode(), 20_000)
    return found.hex()[:24]


def _as_tuple(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


class Number(Exercise):
    """One number, or several in a row.

    Parameters
    ----------
    asks : str
        What is asked, in a sentence.
    right : str, or tuple of str
        What `python -m d2l_nin.checks seal` prints for each number.
    mistakes : dict
        From a sentence to the number, or numbers, that it explains; for several
        numbers in a row, to tuples of that length.
    hints : tuple of str
    remember : str
    step : float, optional
        An answer may be this far from the right one; whole numbers are exact.
    """

    def __init__(self, asks, right, mistakes, hints, remember, step=None):
        super().__init__(self._check, hints, remember)
        self.__doc__, self.mistakes, self.step = asks, mistakes, step
        self.right = right

    @property
    def count(self) -> int:
        return len(_as_tuple(self.right))

    def seal(self, value) -> str | tuple:
        """`right` for this number, or for these."""
        values = numpy.reshape(value, -1)
        found = tuple(sealed(f"{self.name}.{i}", self._cell(value))
                      for i, value in enumerate(values))  # fmt: skip
        return found[0] if len(found) == 1 else found

    def _cell(self, value: float) -> int:
        return round(value / (self.step or 1))

    def _is_right(self, i: int, value: float) -> bool:
        if self.step is None and value != round(value):
            return False
        near = (0,) if self.step is None else (-1, 0, 1)
        return any(sealed(f"{self.name}.{i}", self._cell(value) + each)
                   == _as_tuple(self.right)[i] for each in near)  # fmt: skip

    def _close(self, values, mistake) -> bool:
        within = 1e-9 if self.step is None else self.step
        return all(abs(a - b) <= within for a, b in zip(values, _as_tuple(mistake)))

    def _sentence(self, values) -> str:
        for sentence, wrong in self.mistakes.items():
            several = isinstance(wrong, list)
            if any(self._close(values, w) for w in (wrong if several else [wrong])):
                return sentence
        return ""

    def _check(self, answer):
        read = as_whole_number if self.step is None else as_number
        what = "a whole number" if self.step is None else "a number"
        if self.count == 1:
            values = [read(answer, what)]
        else:
            values = [read(value, what) for value in in_a_row(answer, self.count, what)]
        wrong = [i for i, value in enumerate(values) if not self._is_right(i, value)]
        if wrong:
            which = ", ".join(f"{values[i]:,.7g}" for i in wrong)
            place = "" if self.count == 1 else f" (number {_places(wrong)})"
            raise Wrong(self.__doc__, which + place, self._sentence(values))


def in_a_row(answer, count: int, what: str) -> list:
    """`count` things of a list, a tuple, an array or the values of a dict."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, (str, bytes)) or not hasattr(answer, "__len__"):
        raise Wrong(f"{count} answers in a row, each {what}", short(answer))
    if len(answer) != count:
        raise Wrong(f"{count} answers in a row, each {what}", f"{len(answer)}")
    return list(answer)


def _places(places) -> str:
    return " and ".join(str(i + 1) for i in places)


class Choice(Exercise):
    """One of several options, or one for each of several questions.

    Parameters
    ----------
    asks : str
    right : str, or dict from question to str
        Sealed, as a Number's.
    options : tuple, or dict from question to tuple
        Texts, or whole numbers such as lines.
    mistakes : dict
        From a sentence to the option that it explains, or to (question, option).
    hints : tuple of str
    remember : str
    """

    def __init__(self, asks, right, options, mistakes, hints, remember):
        super().__init__(self._check, hints, remember)
        self.__doc__, self.right, self.mistakes = asks, right, mistakes
        self.options = options

    @property
    def questions(self) -> dict:
        return self.options if isinstance(self.options, dict) else {"": self.options}

    def seal(self, answer) -> str | dict:
        found = {q: sealed(f"{self.name}.{q}", option)
                 for q, option in self._read(answer).items()}  # fmt: skip
        return found if isinstance(self.options, dict) else found[""]

    def _read(self, answer) -> dict:
        if not isinstance(self.options, dict):
            answer = {"": answer}
        elif isinstance(answer, dict):
            named = {str(k).strip().casefold(): v for k, v in answer.items()}
            answer = {q: named.get(q.casefold(), ...) for q in self.questions}
        else:
            values = in_a_row(answer, len(self.options), "an option")
            answer = dict(zip(self.questions, values))
        return {q: _option(q, answer[q], options)
                for q, options in self.questions.items()}  # fmt: skip

    def _check(self, answer):
        chosen = self._read(answer)
        right = self.right if isinstance(self.options, dict) else {"": self.right}
        wrong = {q: option for q, option in chosen.items()
                 if sealed(f"{self.name}.{q}", option) != right[q]}  # fmt: skip
        if not wrong:
            return
        said = [sentence for sentence, mistake in self.mistakes.items()
                if (mistake if isinstance(mistake, tuple) else ("", mistake))
                in wrong.items()]  # fmt: skip
        came = ", ".join(f"{q}: {option}".removeprefix(": ")
                         for q, option in wrong.items())  # fmt: skip
        raise Wrong(self.__doc__, came, " ".join(said))


def _option(question: str, value, options):
    where = f"{question}: " if question else ""
    if all(isinstance(option, int) for option in options):
        expected = f"{where}a whole number from {min(options)} to {max(options)}"
        number = as_whole_number(value, expected)
        if number not in options:
            raise Wrong(expected, f"{number}")
        return number
    return as_text(value, options)


class _Decorator(Exercise):
    """An exercise that is put above a function, its right solution or its judge."""

    def __init__(self, hints, remember):
        super().__init__(self._check, hints, remember)
        self.right = None  # until it is put above one

    def __call__(self, answer=..., *measured):
        if self.right is None:
            super().__init__(answer, self.hints, self.remember)  # its name and words
            self.right, self.check = answer, self._check
            return self
        return super().__call__(answer, *measured)

    def _check(self, answer):
        self.right(answer)

    @property
    def arguments(self) -> str:
        return f"({', '.join(inspect.signature(self.right).parameters)})"


class Function(_Decorator):
    """A function; made by putting `@Function(...)` above the right solution.

    Parameters
    ----------
    cases : function of a NumPy generator
        Gives the arguments of each case as a tuple, drawn: sizes, values, magnitudes.
        Where the right solution raises, that error is asked for.
    mistakes : dict
        From a sentence to a wrong function, of the same arguments.
    hints : tuple of str
    remember : str
    what : str
        What the function returns, "the IoU".
    variants : tuple
        Other right answers, for the tests.
    """

    def __init__(self, cases, mistakes, hints, remember, what="", variants=()):
        super().__init__(hints, remember)
        self.cases, self.mistakes, self.variants = cases, mistakes, variants
        self.what = what or "the result"

    def drawn(self) -> list[tuple]:
        return list(self.cases(numpy.random.default_rng(len(self.name))))

    def _check(self, answer):
        answer = usable(answer, f"a function of {self.arguments}")
        cases = self.drawn()
        for case in cases:
            given = own_copy(case)
            came = outcome(answer, given)
            expect_untouched(given, case)
            wanted = outcome(self.right, own_copy(case))
            if not same(came, wanted):
                sentence = self._sentence(answer, cases)
                told = sentence or isinstance(wanted, Raised)
                if isinstance(came, Raised) and not told:
                    raise came.error
                where = f"{self.what} {self._described(case)}".strip()
                raise Wrong(*difference(came, wanted, where), sentence)

    def _described(self, case) -> str:
        names = inspect.signature(self.right).parameters
        told = [f"{name}={value!r}" for name, value in zip(names, case)
                if isinstance(value, (int, float, str, tuple, list))]  # fmt: skip
        return short("for " + ", ".join(told)).strip("'\"") if told else ""

    def _sentence(self, answer, cases) -> str:
        """That of the mistake that does the same as the answer in every case."""
        came = [outcome(answer, own_copy(case)) for case in cases]
        for sentence, mistake in self.mistakes.items():
            if all(same(outcome(mistake, own_copy(case)), each, exactly=True)
                   for case, each in zip(cases, came)):  # fmt: skip
                return sentence
        return ""


class Block(_Decorator):
    """A block; made by putting `@Block(...)` above a function that makes a right one.

    The answer's block gets known weights, by their shapes, and is compared in inference
    and in training mode.

    Parameters
    ----------
    cases : list of (tuple, tuple)
        Arguments for the function, and the shape of an input.
    mistakes : dict
        From a sentence to a function that makes a wrong block.
    hints, remember, variants
        As in `Function`.
    """

    def __init__(self, cases, mistakes, hints, remember, variants=()):
        super().__init__(hints, remember)
        self.cases, self.mistakes, self.variants = cases, mistakes, variants

    def _check(self, answer):
        blocks.compare(answer, self)


class Prediction(_Decorator):
    """A prediction; made by `@Prediction(...)` above the function that judges it.

    That function gets what a cell measured and returns the option that it bears out;
    it raises Wrong if nobody could have measured that.

    Parameters
    ----------
    options : dict
        From each option to the sentence for who chose it and was wrong.
    tried : list of (object, str)
        What could be measured, and the option that it bears out; for the tests.
    hints : tuple of str
    remember : str
    """

    def __init__(self, options, tried, hints, remember):
        super().__init__(hints, remember)
        self.options, self.tried = options, tried

    def _check(self, answer, measured=None):
        said = as_text(answer, tuple(self.options))
        if measured is None:
            raise Wrong("what the cell measures as well", "nothing",
                        "Run the whole cell: it trains once there is an answer."
                        )  # fmt: skip
        try:
            found = self.right(measured)
        except Wrong:
            raise
        except Exception:
            raise Wrong("what the cell measures", short(measured),
                        "Is the rest of the cell as it was?") from None  # fmt: skip
        if said != found:
            raise Wrong("a prediction that the measurement bears out",
                        f"{said!r}, and measured: {short(measured)}",
                        self.options[said])  # fmt: skip


class Evidence(_Decorator):
    """Evidence, or a design; made by `@Evidence(...)` above the function that checks.

    Parameters
    ----------
    right : list
        Answers that are right, for the tests.
    mistakes : dict
        From what the check says to a wrong answer.
    hints : tuple of str
    remember : str
    """

    def __init__(self, right, mistakes, hints, remember):
        super().__init__(hints, remember)
        self.variants, self.mistakes = right, mistakes
