"""Sums over the workers of a job that `launch` has started."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import mxnet as mx
import numpy
from mxnet import npx

from d2l_nin import runtime  # noqa: F401  (before mxnet is used)

__all__ = ["Workers"]


def _end_at_once(kind, error, trace) -> None:
    """Tell an error and end: at a usual exit MXNet would wait for the other workers."""
    sys.__excepthook__(kind, error, trace)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


class Workers:
    """The processes of one job, each of which is given the sum of what all hold.

    All arrays of a sum travel as one, one behind the other. That one is a plain copy,
    and it is handed to MXNet's `dist_sync` store when nothing else is computed: the
    store reads memory from a thread of its own, in which it must not meet an array that
    oneDNN keeps in another order, or is about to.

    Attributes
    ----------
    rank, num_workers : int

    Raises
    ------
    RuntimeError
        This process is no worker of a job.
    """

    def __init__(self):
        if os.environ.get("DMLC_ROLE") != "worker":
            raise RuntimeError(
                "kvstore='dist_sync': expected a process that a launcher has started: "
                "python -m d2l_nin launch --workers 2 -- python train.py"
            )
        sys.excepthook = _end_at_once
        self._store = mx.kv.create("dist_sync")
        self.rank, self.num_workers = self._store.rank, self._store.num_workers
        self._sizes: list[int] = []  # of the sums so far; the place is the store's key

    def sum(self, arrays: Sequence[numpy.ndarray]) -> list[numpy.ndarray]:
        """Add up arrays over all workers; each worker gives arrays of the same shapes.

        Parameters
        ----------
        arrays : list of float32 arrays

        Returns
        -------
        list of float32 arrays
            Of the same shapes; the same numbers in every worker.
        """
        flat = numpy.concatenate([array.ravel() for array in arrays])
        if flat.size not in self._sizes:
            self._sizes.append(flat.size)
            self._store.init(
                self._sizes.index(flat.size), mx.np.zeros(flat.size, dtype="float32")
            )
        exchanged = mx.np.array(flat, dtype="float32")
        npx.waitall()
        self._store.pushpull(self._sizes.index(flat.size), exchanged, out=exchanged)
        total = exchanged.asnumpy()
        ends = numpy.cumsum([array.size for array in arrays])[:-1]
        return [
            part.reshape(array.shape)
            for part, array in zip(numpy.split(total, ends), arrays)
        ]
