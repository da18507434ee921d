"""A number, a function and a net."""

import numpy
from mxnet import np

from d2l_nin.checks.exercise import exercise
from d2l_nin.checks.expect import (
    Wrong,
    as_net,
    as_whole_number,
    call,
    expect_close,
    expect_shape,
)


@exercise("Count.", "Count on your fingers.", remember="Six times nine is not it.")
def number(answer):
    """How many?"""
    came = as_whole_number(answer)
    if came != 42:
        raise Wrong("another number", f"{came}")


@exercise("Add.", "Use a plus.", remember="A plus adds.", seconds=2)
def plus_one(answer):
    """Add one."""
    X = np.arange(6).reshape(2, 3)
    expect_close(call(answer, X), numpy.arange(1, 7).reshape(2, 3))


@exercise("A Dense layer.", "nn.Dense.", remember="Dense layers flatten.")
def dense(answer):
    """A net with four outputs."""
    expect_shape(as_net(answer)(np.ones((2, 3))), (2, 4))
