"""Floor 2: what an exercise is, and how an answer is told right from wrong.

A check is a function that takes an answer and returns if it is right, or raises
`Wrong`. The decorator `exercise` makes it answer a reader: unanswered, wrong with hints
that grow stronger, an error of the reader's own with its line, too slow, or right.
"""

from __future__ import annotations

import dis
import functools
import html
import io
import linecache
import os
import signal
import sys
import threading
import time
import traceback
import types
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import mxnet as mx
import numpy
from mxnet.gluon import Block

__all__ = [
    "Exercise",
    "Verdict",
    "Wrong",
    "accuracies_of_seeds",
    "as_accuracies",
    "as_array",
    "as_net",
    "as_number",
    "as_text",
    "as_whole_number",
    "call",
    "exercise",
    "expect_close",
    "expect_number",
    "expect_shape",
    "likely_mistake",
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
_NOT_THE_READERS = (str(Path(__file__).parent) + os.sep, "site-packages",
                    "dist-packages", "/lib/python3", "<decorator", "<frozen",
                    "<__array_function__")  # fmt: skip
# What a class has without anybody writing it.
_OF_EVERY_CLASS = {"__module__", "__qualname__", "__doc__", "__dict__", "__weakref__",
                   "__annotations__", "__firstlineno__",
                   "__static_attributes__"}  # fmt: skip
_EMPTY_BASES = {"object", "Block", "HybridBlock"}  # what they give does nothing yet
MOST_PRINTED = 2000  # characters that an answer may print while it is tried


class Wrong(Exception):
    """An answer is wrong.

    Parameters
    ----------
    expected : str
        In words; never the answer itself.
    came : str
    mistake : str
        The likely mistake, where it is known; a full sentence.
    """

    def __init__(self, expected: str, came: str, mistake: str = ""):
        super().__init__(expected, came, mistake)
        self.expected, self.came, self.mistake = expected, came, mistake


class TooSlow(BaseException):
    """The time limit is over. Not an Exception, so that an answer seldom catches it."""


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


def _within(seconds: float, check, *arguments) -> None:
    """Call `check`; raise TooSlow in it when `seconds` are over.

    Only the main thread can be interrupted, and only where Python runs; elsewhere the
    limit is looked at when the check is done. The alarm rings again and again; from the
    second time on the answer's next line raises too, for one that catches all.
    """
    start = time.perf_counter()
    here, rings = sys._getframe(), 0
    traced_before = sys.gettrace()

    def stop_at_next_line(frame, event, _):
        if frame.f_code.co_filename == __file__:
            return None
        if event != "line":
            return stop_at_next_line
        # Python takes a trace function away that raises. The next ring sets it again:
        # now and then soon enough to meet the handler of this very exception.
        signal.setitimer(signal.ITIMER_REAL, 1e-6 * (1 + rings % 40), 0.01)
        raise TooSlow

    def stop(_, frame):
        nonlocal rings
        frames = []
        while frame is not None and frame is not here:
            frames.append(frame)
            frame = frame.f_back
        if frame is None or not frames or frames[-1].f_code is not check.__code__:
            return  # the check has not begun, or is done
        rings += 1
        if rings > 1:
            for frame in frames:
                if frame.f_code.co_filename != __file__:
                    frame.f_trace = stop_at_next_line
            sys.settrace(stop_at_next_line)
        raise TooSlow

    alarms = (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
    )
    if alarms:
        handler = signal.signal(signal.SIGALRM, stop)
        timer = signal.setitimer(signal.ITIMER_REAL, seconds, 0.01)
    try:
        check(*arguments)
    except Exception as error:
        # An answer may make an error of its own of being stopped.
        if time.perf_counter() - start > seconds:
            raise TooSlow from error
        raise
    finally:
        if alarms:
            signal.setitimer(signal.ITIMER_REAL, 0)
            if rings > 1:
                sys.settrace(traced_before)
            signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
            if timer[0]:  # somebody else's alarm goes on, late rather than never
                left = timer[0] - (time.perf_counter() - start)
                signal.setitimer(signal.ITIMER_REAL, max(left, 1e-6), timer[1])
    if time.perf_counter() - start > seconds:
        raise TooSlow


class _Printed(io.TextIOBase):
    """Hands on what an answer prints, up to a limit for both of its streams."""

    def __init__(self, stream, count: list):
        super().__init__()
        self._stream, self._count = stream, count

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        left = max(MOST_PRINTED - self._count[0], 0)
        self._count[0] += len(text)
        if left:
            self._stream.write(text[:left])
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


@contextmanager
def _few_prints():
    """Cut off what is printed in the block; gives [how many characters it was]."""
    count = [0]
    out, err = (_Printed(stream, count) for stream in (sys.stdout, sys.stderr))
    with redirect_stdout(out), redirect_stderr(err):
        yield count


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


@contextmanager
def _own_random_numbers():
    """A check may seed MXNet; what the reader draws afterwards must not depend on it.

    MXNet can't be asked for the state of its generators, so they go on from a number
    that is drawn before.
    """
    go_on_from = int(mx.nd.random.randint(0, 2**31 - 1, shape=1).asnumpy()[0])
    try:
        yield
    finally:
        mx.random.seed(go_on_from)


class Exercise:
    """A check that answers a reader; made by `exercise`."""

    def __init__(self, check, hints, remember: str, seconds: float):
        functools.update_wrapper(self, check)
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
            lines = (f"Put your answer in place of the dots. Hint: {self.hints[0]}",)
            return Verdict(self.name, UNANSWERED, lines)
        with _few_prints() as printed, _own_random_numbers():
            status, lines = self._try(answer, *measured)
        if printed[0] > MOST_PRINTED:
            lines = [*lines, f"It printed {printed[0]:,} characters, most cut off."]
        return Verdict(self.name, status, tuple(lines))

    def _try(self, *arguments) -> tuple[str, list[str]]:
        """(the status, what is said about it)."""
        try:
            _within(self.seconds, self.check, *arguments)
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


def exercise(*hints: str, remember: str, seconds: float = 20):
    """Make a check an `Exercise`.

    Parameters
    ----------
    hints : str
        From weak to strong; two or more. The first is told with the question.
    remember : str
        The sentence worth remembering, told with "right".
    seconds : float
        The time limit.
    """
    if len(hints) < 2:
        raise ValueError(
            f"hints: expected two or more, from weak to strong, got {hints}"
        )
    return lambda check: Exercise(check, hints, remember, seconds)


# --- what checks are made of -----------------------------------------------------


def _short(value) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else text[:77] + "..."


def as_array(value, what: str = "an array") -> numpy.ndarray:
    """A NumPy array of what an answer returned: MXNet's np or nd, NumPy's, a list."""
    if isinstance(value, mx.nd.NDArray):  # np's arrays are of this class as well
        return value.asnumpy()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about rows of different lengths
            array = numpy.asarray(value)
    except Exception:
        array = None
    if array is None or array.dtype.kind not in "biuf":
        raise Wrong(f"{what}: an array of numbers", f"{_short(value)}")
    return array


def _float(number) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf")


def as_number(answer, what: str = "a number") -> float:
    """One number, of whatever kind."""
    if isinstance(answer, (str, bytes, bool, numpy.bool_)) or callable(answer):
        raise Wrong(what, f"{_short(answer)}, of type {type(answer).__name__}")
    if isinstance(answer, (int, Fraction, Decimal)):
        array = numpy.array([_float(answer)])
    else:
        array = as_array(answer, what)
    if array.size != 1:
        raise Wrong(what, f"{array.size} numbers")
    number = float(array.reshape(-1)[0])
    if not numpy.isfinite(number):
        raise Wrong(what, f"{number}")
    return number


def as_whole_number(answer, what: str = "a whole number") -> int:
    """One whole number; 12.0 is one as well."""
    number = as_number(answer, what)
    if number != int(number):
        raise Wrong(what, f"{number:g}, which is not whole")
    return int(number)


def as_text(answer, options) -> str:
    """One of `options`, in whatever case."""
    text = answer.strip().casefold() if isinstance(answer, str) else None
    found = [option for option in options if option.casefold() == text]
    if not found:
        raise Wrong("one of " + ", ".join(map(repr, options)), _short(answer))
    return found[0]


def as_accuracies(values, name: str, what: str = "accuracies") -> numpy.ndarray:
    """A list of numbers from 0 to 1.

    Parameters
    ----------
    values : list or array (n,)
    name : str
        What the reader calls the list.
    what : str
        "accuracies", or what else goes from 0 to 1.

    Returns
    -------
    float array (n,)

    Raises
    ------
    Wrong
        It is no list, or holds something else than such numbers.
    """
    if not isinstance(values, (list, tuple)) and not getattr(values, "ndim", 0):
        raise Wrong(f"{name}: a list of {what}", _short(values))
    expected = f"{name}: {what} from 0 to 1"
    numbers = numpy.array([as_number(value, expected) for value in values])
    if numbers.size and (numbers.min() < 0 or numbers.max() > 1):
        mistake = "Percent? Divide by 100." if 1 < numbers.max() <= 100 else ""
        raise Wrong(expected, f"{numbers.min():g} … {numbers.max():g}", mistake)
    return numbers


def accuracies_of_seeds(
    values, name: str, count: int = 5, *, what: str = "accuracies", chance=None
) -> numpy.ndarray:
    """A list of accuracies that can be evidence: of several seeds, which differ.

    Parameters
    ----------
    values : list or array (n,)
    name, what : str
        As in `as_accuracies`.
    count : int
        How many seeds there must be.
    chance : float, optional
        The accuracy of a net that learns nothing; about it all seeds may be equal.

    Returns
    -------
    float array (n,)

    Raises
    ------
    Wrong
        It is no such list.
    """
    numbers = as_accuracies(values, name, what)
    if len(numbers) < count:
        raise Wrong(
            f"{name}: {what} of {count} seeds or more",
            f"{len(numbers)}",
            "One seed shows nothing, and two show little.",
        )
    first = float(numbers[0])
    stands_still = chance is not None and abs(first - chance) <= 0.02
    if (numbers == first).all() and not stands_still:
        raise Wrong(
            f"{name}: {what} that differ from seed to seed",
            f"{len(numbers)} times {first:g}",
            "Was the seed the same each time?",
        )
    return numbers


def call(answer, *arguments, what: str = "a function"):
    """What an answer returns; one written for MXNet's nd arrays gets those.

    An answer that hands out nothing is told that it did.
    """
    if not callable(answer):
        raise Wrong(what, f"{_short(answer)}, which can't be called")
    try:
        returned = answer(*arguments)
    except (TypeError, mx.MXNetError, AttributeError) as error:
        as_nd = [
            a.as_nd_ndarray() if isinstance(a, mx.np.ndarray) else a for a in arguments
        ]
        # Only an array of the other kind can be the cause; else the error is theirs.
        if "as_nd_ndarray" not in str(error) and "nd.NDArray" not in str(error):
            raise
        returned = answer(*as_nd)
    if returned is None or returned is ...:
        raise Wrong(f"{what} that returns something", "nothing: is a return missing?")
    return returned


def as_net(answer, *arguments, what: str = "a net"):
    """A net: the answer itself, or what it makes when called with `arguments`.

    It is initialized, when it isn't, with the same random weights each time: in a
    check, which gives the reader's random numbers back when it is done.
    """
    net = answer if isinstance(answer, Block) else call(answer, *arguments, what=what)
    if not isinstance(net, Block):
        raise Wrong(f"{what} (a Gluon Block)", _short(net))
    mx.random.seed(0)
    for param in net.collect_params().values():
        if param._data is None and not param._deferred_init:
            param.initialize(default_init=mx.init.Normal(0.1))
    return net


def expect_shape(value, shape: tuple, mistakes=None, what: str = "the output"):
    """Raise Wrong unless `value` has this shape; `mistakes`: a shape to its cause."""
    array = as_array(value, what)
    if array.shape != tuple(shape):
        mistake = (mistakes or {}).get(array.shape, "")
        raise Wrong(f"{what} of shape {tuple(shape)}", f"{array.shape}", mistake)
    return array


def expect_number(number: int, right: int, what: str, mistakes: dict) -> None:
    """Raise Wrong unless a whole number is right; `mistakes`: a number to its cause."""
    if number != right:
        size = "too small" if number < right else "too large"
        raise Wrong(what, f"{number:,}, which is {size}", mistakes.get(number, ""))


def likely_mistake(value, mistakes, rtol: float = 1e-3, atol: float = 1e-4) -> str:
    """The sentence of the first mistake that makes `value`; empty if none does.

    Parameters
    ----------
    value : array or number
    mistakes : pairs (array or number, str)
    """
    for wrong, sentence in mistakes:
        if numpy.shape(wrong) == numpy.shape(value) and numpy.allclose(
            value, wrong, rtol=rtol, atol=atol, equal_nan=True
        ):
            return sentence
    return ""


def expect_close(value, wanted, mistakes=(), what: str = "the output", atol=1e-4):
    """Raise Wrong unless `value` equals `wanted` within rounding.

    Parameters
    ----------
    value, wanted : array
    mistakes : pairs (array, str)
        What a known mistake makes, and the sentence that names it.
    """
    array = expect_shape(value, numpy.shape(wanted), what=what)
    if numpy.allclose(array, wanted, rtol=1e-3, atol=atol):
        return
    mistake = likely_mistake(array, mistakes, atol=atol)
    if not numpy.isfinite(array).all():
        raise Wrong(f"{what} with the right values", "values that are no numbers, or "
                    "infinite", "Is something divided by zero?")  # fmt: skip
    away = float(numpy.abs(array.astype(float) - wanted).max())
    raise Wrong(f"{what} with the right values", f"values up to {away:.3g} away",
                mistake)  # fmt: skip
