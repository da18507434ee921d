"""Outcomes that are kept: the very same run is trained once."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import warnings
from dataclasses import asdict
from functools import partial
from types import FunctionType

import mxnet as mx
import numpy
from mxnet.gluon import HybridBlock

from d2l_nin import checkpoint as checkpoints
from d2l_nin.cache import cache_folder, description, files_used
from d2l_nin.training.evaluate import _devices_of, _dtype_of, _put, first_scores
from d2l_nin.training.history import History
from d2l_nin.training.loop import carry_out, fit, parted
from d2l_nin.training.recipe import Recipe, Saving
from d2l_nin.training.resume import identities


def _told_apart(**iters) -> list:
    """What tells the data of a run from other data; other than ArrayIter is refused."""
    for name, data_iter in iters.items():
        needed = name == "train_iter" or data_iter is not None
        if needed and not hasattr(data_iter, "identity"):
            raise TypeError(
                f"{name}: expected an ArrayIter, which can be told from other data, "
                f"got {type(data_iter).__name__}; fit() takes it"
            )
    return identities(**iters)


def _key_of_run(net, iters, parts: tuple, data: list) -> str:
    """A digest of all that the outcome of a run depends on.

    That is the initial weights, the data and their order, the settings, MXNet's
    version and threads, the code of the loop, the data's and that of the net's blocks.

    Parameters
    ----------
    net : HybridBlock
    iters : list of ArrayIter
        The second, of tests, may be None.
    parts
        The options of `fit`, parted.
    data : list
        What `_told_apart` gave.
    """
    train_iter = iters[0]
    epoch = train_iter.epoch
    X, _ = next(iter(train_iter))  # weights are drawn when a first batch is seen
    train_iter.epoch = epoch
    first_scores(net, _put(X, _devices_of(net)[0], _dtype_of(net)))
    key = hashlib.sha256()
    for name, parameter in net._collect_params_with_prefix().items():
        key.update(name.encode() + parameter.list_data()[0].asnumpy().tobytes())
        key.update(f"{parameter.grad_req} {parameter.lr_mult}".encode())
    for path in files_used(_modules_of(net, iters), without=_DECIDES_NOTHING):
        key.update(path.read_bytes())
    rest = {
        "data": data,
        "settings": _deciding(*parts),
        "mxnet": mx.__version__,
        "threads": {name: os.environ.get(name) for name in _ENVIRONMENT},
        "net": [repr(net), *_described_blocks(net)],
    }
    # Devices are no JSON: their text is.
    key.update(json.dumps(rest, sort_keys=True, default=str).encode())
    return key.hexdigest()


def _modules_of(net, iters) -> set[str]:
    """The modules of the loop, of the net's blocks and of its data.

    A function that only builds the net is told by what it built: blocks, their
    attributes and weights.
    """
    names = {fit.__module__}
    net.apply(
        lambda block: names.update(kind.__module__ for kind in type(block).__mro__)
    )
    for data_iter in iters:
        names.add(type(data_iter).__module__)
        augment = getattr(data_iter, "augment", None)
        names.add(getattr(getattr(augment, "func", augment), "__module__", ""))
    return names


def _deciding(recipe: Recipe, saving: Saving, rest: dict) -> dict:
    """Of the options of `fit` those that decide, NumPy's numbers as Python's."""
    return {**asdict(recipe), "devices": rest["devices"], "kvstore": rest["kvstore"]}


_ENVIRONMENT = ("OMP_NUM_THREADS", "MXNET_ENGINE_TYPE")
# What the loop uses and no number of a run depends on. Editing it trains nothing anew.
_DECIDES_NOTHING = {
    "d2l_nin.training.progress": "shows a run to whoever waits",
    "d2l_nin.environment": "chooses threads and engine, which the key has by value",
    "d2l_nin.memory": "measures, and frees what nobody holds",
    "d2l_nin.checkpoint": "writes and reads; a file that it can't read means training",
}


def _described_blocks(net) -> list[str]:
    """What `repr(net)` leaves out: plain attributes, and code that is in no package."""
    of_any_block = vars(HybridBlock())  # its name, which counts up, and caches
    described, own = [], {}

    def look(block) -> None:
        described.append(_described({
            name: value
            for name, value in vars(block).items()
            if name not in of_any_block
        }))  # fmt: skip
        for kind in type(block).__mro__:
            if kind.__module__.partition(".")[0] not in _TOLD_OTHERWISE:
                own[kind.__qualname__] = _described(vars(kind))

    net.apply(look)
    return [*described, description(own)]


def _described(attributes) -> str:
    plain = {k: value for k, value in attributes.items() if isinstance(value, _PLAIN)}
    return description(plain)


_TOLD_OTHERWISE = ("builtins", "mxnet", "d2l_nin")  # by version and files
_PLAIN = (
    bool, int, float, str, tuple, list, dict, numpy.generic, numpy.ndarray,
    partial, FunctionType,
)  # fmt: skip


def fit_cached(
    name: str, net, train_iter, test_iter=None, *, refresh: bool = False, **settings
) -> History:
    """Train as `fit` does, or take over the outcome of the very same run.

    The same run: the same initial weights, data, settings, threads and code. Any
    difference, and any damage to the file, lead to training. One outcome is kept for
    each name; where none can be kept, there is a warning and training. Afterwards the
    random state of MXNet is the same in either case.

    Parameters
    ----------
    name : str
        Of the file in `cache_folder`.
    net, train_iter, test_iter
        As for `fit`; the data as `ArrayIter`.
    refresh : bool
        Train in any case.
    **settings
        As for `fit`, but `on_save_error` is 'go on' by default. `on_step` is called
        only while there is training.

    Returns
    -------
    History
        Of the run, with the times that it took when it ran.

    Raises
    ------
    TypeError
        The data can't be told from other data, as they are no `ArrayIter`.
    """
    settings = {"on_save_error": "go on", **settings}
    for word in ("checkpoint", "resume"):
        if word in settings:
            raise TypeError(f"fit_cached() has no option {word!r}; fit() has it")
    parts = parted(settings)
    data = _told_apart(train_iter=train_iter, test_iter=test_iter)
    folder = cache_folder()
    key = _key_of_run(net, [train_iter, test_iter], parts, data)
    path = folder / f"{name}-{key[:16]}.ckpt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"{folder} can't be written")
    except OSError as error:
        warnings.warn(
            f"The outcome is not kept: {error}. D2L_NIN_CACHE names another folder.",
            stacklevel=2,
        )
        return carry_out(net, train_iter, test_iter, *parts)
    for older in folder.glob(f"{glob.escape(name)}-{'[0-9a-f]' * 16}.ckpt*"):
        replaced = refresh or not older.name.startswith(path.name)
        if replaced and not checkpoints.is_being_written(older):
            older.unlink(missing_ok=True)
    saving = Saving(path, resume=not refresh, on_save_error=parts[1].on_save_error)
    return carry_out(net, train_iter, test_iter, parts[0], saving, parts[2], data)
