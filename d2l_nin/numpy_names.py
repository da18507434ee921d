"""Names that MXNet 1.9.1 takes from NumPy and that NumPy has dropped since.

MXNet's last release is of 2022. It looks most of these names up while it is imported,
so without them it does not load; nothing else keeps it from NumPy 2 and so from
Python 3.12 and later. A name that NumPy has is never touched.

This file imports nothing of the package: the wheel carries a copy of it beside the
package, which `d2l_nin_numpy_names.pth` starts with every Python of the environment,
so that a plain `import mxnet` works as well.
"""

from __future__ import annotations

import sys
import types
import warnings

__all__ = ["give_back", "give_back_before_mxnet", "stand_ins"]


def stand_ins(numpy) -> dict:
    """From a name that MXNet wants to what stands in for it in this `numpy`."""
    return {
        # mxnet/numpy/utils.py hands these on as its own constants and dtype …
        "bool": bool,  # … (also every boolean index; missing in NumPy 1.24 to 1.26)
        "PZERO": 0.0,
        "NZERO": -0.0,
        "NINF": -numpy.inf,
        "PINF": numpy.inf,
        "NAN": numpy.nan,
        "NaN": numpy.nan,
        # mxnet/gluon/contrib/estimator/event_handler.py: defaults of its callbacks
        "Inf": numpy.inf,
        # mxnet/numpy/fallback.py hands these on as functions of mx.np …
        "alltrue": numpy.all,
        "in1d": lambda ar1, ar2, **kwargs: numpy.isin(numpy.ravel(ar1), ar2, **kwargs),
        "msort": lambda a: numpy.sort(a, axis=0),
        "trapz": getattr(numpy, "trapezoid", None),
        # … and these, which NumPy itself left to numpy-financial in 2020
        "mirr": None,
        "npv": None,
        "pmt": None,
        "ppmt": None,
        "pv": None,
        "rate": None,
        # mxnet/numpy_dispatch_protocol.py registers its own functions under these
        "sometrue": numpy.any,
        "round_": numpy.round,
        "product": numpy.prod,
        # mxnet/ndarray/numpy/_op.py: mx.np.pad asks whether its mode is a text
        "compat": types.SimpleNamespace(basestring=str),
    }


def give_back(numpy) -> list[str]:
    """Give `numpy` the names that it lacks, and say which those were."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there but on their way out
        lacking = {
            name: value
            for name, value in stand_ins(numpy).items()
            if not hasattr(numpy, name)
        }
    for name, value in lacking.items():
        setattr(numpy, name, value)
    return list(lacking)


class _BeforeMXNet:
    """Finds no module; that it is asked for MXNet is the moment to act."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "mxnet":
            sys.meta_path.remove(cls)
            import numpy

            give_back(numpy)


def give_back_before_mxnet() -> None:
    """From now on an `import mxnet` gives NumPy its names back first."""
    if "mxnet" not in sys.modules and _BeforeMXNet not in sys.meta_path:
        sys.meta_path.insert(0, _BeforeMXNet)
