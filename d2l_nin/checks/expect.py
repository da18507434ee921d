"""What checks are made of: read an answer, compare it, say what was wrong."""

from __future__ import annotations

import warnings
from decimal import Decimal
from fractions import Fraction

import mxnet as mx
import numpy
from mxnet.gluon import Block

from d2l_nin.paired import Difference

__all__ = [
    "Wrong",
    "accuracies_of_seeds",
    "as_accuracies",
    "as_array",
    "as_net",
    "as_number",
    "as_paired_claim",
    "as_text",
    "as_whole_number",
    "both_sides",
    "call",
    "expect_close",
    "expect_keys",
    "expect_shape",
    "likely_mistake",
    "measured_accuracies",
    "short",
]


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


def short(value) -> str:
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
        raise Wrong(f"{what}: an array of numbers", f"{short(value)}")
    return array


def _float(number) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf")


def as_number(answer, what: str = "a number") -> float:
    """One number, of whatever kind."""
    if isinstance(answer, (str, bytes)):
        said = "That is a text. A number has no quotation marks around it."
        raise Wrong(what, f"{short(answer)}, of type {type(answer).__name__}", said)
    if isinstance(answer, (bool, numpy.bool_)) or callable(answer):
        raise Wrong(what, f"{short(answer)}, of type {type(answer).__name__}")
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


def _plain(text) -> str | None:
    """Without case, spaces around it, or the apostrophes that a text program sets."""
    if not isinstance(text, str):
        return None
    return " ".join(
        text.replace("\u2019", "'").replace("\u2018", "'").split()
    ).casefold()


def as_text(answer, options) -> str:
    """One of `options`, in whatever case."""
    found = [option for option in options if _plain(option) == _plain(answer)]
    if not found:
        raise Wrong("one of " + ", ".join(map(repr, options)), short(answer))
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
        raise Wrong(f"{name}: a list of {what}", short(values))
    expected = f"{name}: {what} from 0 to 1"
    numbers = numpy.array([as_number(value, expected) for value in values])
    if numbers.size and (numbers.min() < 0 or numbers.max() > 1):
        mistake = "Percent? Divide by 100." if 1 < numbers.max() <= 100 else ""
        raise Wrong(expected, f"{numbers.min():g} … {numbers.max():g}", mistake)
    return numbers


def measured_accuracies(measured, count: int) -> numpy.ndarray:
    """What a prediction's cell measured: `count` accuracies, each from 0 to 1."""
    what = f"{count} accuracies in a row, as the cell measures them"
    if measured is None:
        raise Wrong(what, "nothing", "Run the whole cell: it trains for an answer.")
    values = as_accuracies(measured, "what the cell measures")
    if len(values) != count:
        raise Wrong(what, f"{len(values)}", "Is the rest of the cell as it was?")
    return values


def as_paired_claim(answer, one, other, words=("better", "worse", "can't tell")) -> str:
    """What was claimed of `other` against `one`, judged by their paired differences.

    Parameters
    ----------
    answer : str
    one, other : float array (n,)
        Accuracies of the same seeds, in the same order.
    words : tuple of str
        For a 95% interval of the mean of `other` - `one` above 0, below it, around it.
    """
    said = as_text(answer, words)
    gap = Difference("other − one", numpy.subtract(other, one).tolist())
    low, high = gap.interval
    follows = words[2] if not gap.shown else words[0] if low > 0 else words[1]
    if said != follows:
        raise Wrong(
            "the verdict that follows from the paired differences",
            f"{said!r}, for a 95% interval of {low:+.3f} … {high:+.3f}",
            "The interval contains 0: nothing is shown."
            if follows == words[2]
            else "The interval leaves out 0: the sign of the difference is shown.",
        )
    return said


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


def expect_keys(answer, keys, *, others: bool = False) -> None:
    """Tell an answer that is no dict with `keys`, or has `others` where it may not."""
    if not isinstance(answer, dict) or not (
        set(keys) <= set(answer) if others else set(keys) == set(answer)
    ):
        raise Wrong(f"a dict with {', '.join(map(repr, keys))}", short(answer))


def both_sides(answer: dict, keys, *, named=str, **options) -> list:
    """The accuracies under two keys, of as many seeds on one side as on the other.

    Parameters
    ----------
    answer : dict
    keys : (str, str)
    named : function of str
        What a message calls a key.
    **options
        As of `accuracies_of_seeds`.
    """
    one, other = (
        accuracies_of_seeds(answer[key], named(key), **options) for key in keys
    )
    if len(one) != len(other):
        raise Wrong("the same seeds on both sides", f"{len(one)} and {len(other)}")
    return [one, other]


def call(answer, *arguments, what: str = "a function"):
    """What an answer returns; one written for MXNet's nd arrays gets those.

    An answer that hands out nothing is told that it did.
    """
    if not callable(answer):
        raise Wrong(what, f"{short(answer)}, which can't be called")
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
        raise Wrong(f"{what} (a Gluon Block)", short(net))
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
