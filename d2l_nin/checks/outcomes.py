"""What a function does in a case, and whether two do the same."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import mxnet as mx
import numpy
from mxnet import autograd
from mxnet.gluon import Block

from d2l_nin.checks.exercise import what_it_said
from d2l_nin.checks.expect import Wrong, as_net, call, short

__all__ = ["Raised", "difference", "expect_untouched", "outcome", "own_copy", "same",
           "usable"]  # fmt: skip


@dataclass
class Raised:
    """A case in which a function raises."""

    error: Exception


class _InBothModes:
    """A net as a function; in training mode it must give the same."""

    def __init__(self, net):
        self.net = net

    def __call__(self, *arguments):
        with autograd.predict_mode():
            value = call(self.net, *arguments)
        with autograd.train_mode():
            trained = call(self.net, *arguments)
        if not same(plain(value), plain(trained)):
            raise Wrong("the same in training as in inference", "other values",
                        "Does a layer behave otherwise while training?")  # fmt: skip
        return value


def usable(answer, what: str):
    """An answer as a function: a Block, or a class of Blocks, is one as well."""
    if isinstance(answer, type) and issubclass(answer, Block):
        answer = as_net(answer, what=what)
    if isinstance(answer, Block):
        return _InBothModes(as_net(answer))
    return answer


def own_copy(case: tuple) -> tuple:
    """Arguments that a function may spoil; nets and iterators are handed on."""
    return tuple(
        value.copy() if isinstance(value, (numpy.ndarray, mx.nd.NDArray))
        else copy.deepcopy(value) if isinstance(value, (list, dict)) else value
        for value in case
    )  # fmt: skip


def expect_untouched(given: tuple, case: tuple) -> None:
    """Raise Wrong where a function has changed what it was given."""
    for mine, whole in zip(given, case):
        kinds = (numpy.ndarray, mx.nd.NDArray, list, dict)
        if isinstance(whole, kinds) and not same(plain(mine), plain(whole)):
            raise Wrong("arguments left as they were", "one that was changed in place",
                        "Work on a copy: whoever calls you still needs theirs."
                        )  # fmt: skip


def plain(value):
    """NumPy arrays for all kinds of arrays; tuples for sequences of unequal things."""
    if isinstance(value, mx.nd.NDArray):  # np's arrays are of this class as well
        return value.asnumpy()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (str, bytes)):
        return value.strip().casefold() if isinstance(value, str) else value
    if not hasattr(value, "__len__") and hasattr(value, "__next__"):
        value = [each for each, _ in zip(value, range(1000))]  # zip, map, a generator
    if isinstance(value, (list, tuple)):
        parts = [plain(each) for each in value]
        if any(not isinstance(each, numpy.ndarray) for each in parts):
            return tuple(parts)
        if len({each.shape for each in parts}) == 1:
            return numpy.stack(parts)
        return tuple(parts)
    try:
        array = numpy.asarray(value)
    except Exception:
        return value
    return array if array.dtype.kind in "biuf" else value


def outcome(function, case: tuple):
    """What `function` returns in a case, as plain arrays, or what it raises."""
    try:
        return plain(call(function, *case))
    except Wrong:
        raise
    except Exception as error:
        return Raised(error)


def same(came, wanted, exactly: bool = False) -> bool:
    """Whether two outcomes are the same, up to rounding.

    `exactly`: of two errors, the messages of MXNet have to agree as well.
    """
    if isinstance(came, Raised) or isinstance(wanted, Raised):
        both = isinstance(came, Raised) and isinstance(wanted, Raised)
        if not both or type(came.error) is not type(wanted.error):
            return both and not exactly and isinstance(came.error, type(wanted.error))
        ours = exactly and isinstance(came.error, mx.MXNetError)
        return not ours or str(came.error) == str(wanted.error)
    if isinstance(wanted, tuple) or isinstance(came, tuple):
        return (all(isinstance(each, tuple) or getattr(each, "ndim", 0)
                    for each in (came, wanted))
                and len(came) == len(wanted)
                and all(map(same, came, wanted)))  # fmt: skip
    if isinstance(wanted, dict):
        return (isinstance(came, dict) and came.keys() == wanted.keys()
                and all(same(came[key], wanted[key]) for key in wanted))  # fmt: skip
    if not isinstance(wanted, numpy.ndarray) or not isinstance(came, numpy.ndarray):
        return type(came) is type(wanted) and came == wanted
    if wanted.ndim == 0 and came.size == 1:
        came = came.reshape(())
    if came.shape != wanted.shape:
        return False
    if wanted.dtype.kind in "biu":
        return numpy.array_equal(came, wanted)
    largest = float(numpy.nanmax(numpy.abs(wanted), initial=0))
    return numpy.allclose(came, wanted, rtol=1e-3, atol=1e-4 * (largest or 1),
                          equal_nan=True)  # fmt: skip


def difference(came, wanted, what: str) -> tuple[str, str]:
    """(what was expected, what came) for two outcomes that are not the same."""
    if isinstance(wanted, Raised):
        error = type(wanted.error).__name__
        if isinstance(came, Raised):
            return f"{what}: a {error}", type(came.error).__name__
        return f"{what}: a {error}", "no error"
    if isinstance(came, Raised):
        return f"{what}, right", what_it_said(came.error)
    if not isinstance(wanted, numpy.ndarray):
        return f"{what}: the right {type(wanted).__name__}", _in_words(came)
    if not isinstance(came, numpy.ndarray):
        return f"{what}: an array of numbers", f"{_in_words(came)}"
    if wanted.ndim == 0 and came.size == 1:
        whole = wanted.dtype.kind in "iu" and float(came) != int(came)
        return f"{what}{': a whole number' if whole else ', right'}", f"{float(came):g}"
    if came.shape != wanted.shape:
        return (
            f"{what}, of shape {wanted.shape}",
            f"{came.shape}{_shapes(came, wanted)}",
        )
    if came.dtype.kind == "f" and (numpy.isnan(came) != numpy.isnan(
            wanted.astype(float))).any():  # fmt: skip
        return f"{what}, right", "NaN in other places than it belongs"
    if came.size <= 8:
        return f"{what}, right", f"{came.round(4).tolist()}"
    away = float(numpy.nanmax(numpy.abs(came.astype(float) - wanted)))
    return f"{what}, with the right values", f"values up to {away:.3g} away"


def _in_words(value) -> str:
    if isinstance(value, numpy.ndarray):
        return short(value.tolist())
    return f"{short(value)}, of type {type(value).__name__}"


def _shapes(came, wanted) -> str:
    """What is likely, of a wrong shape."""
    if sorted(came.shape) == sorted(wanted.shape):
        return ": the axes are in another order"
    if numpy.squeeze(came).shape == numpy.squeeze(wanted).shape:
        return ": an axis of size 1 too many or too few"
    if came.shape == wanted.shape[1:]:
        return ": the axis of the batch is gone"
    return ""
