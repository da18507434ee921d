"""Runs that are saved and go on."""

from __future__ import annotations

import json
import random
import warnings
from pathlib import Path

import mxnet as mx
import numpy

from d2l_nin import checkpoint as checkpoints
from d2l_nin.training.evaluate import _trained_in
from d2l_nin.training.recipe import Saving


def save(run, trainer, path: Path, settings: dict) -> None:
    """Write all that the next epoch depends on."""
    arrays = {}
    for name, parameter in run.net._collect_params_with_prefix().items():
        # Weights are alike on all devices, running statistics are not.
        devices = run.devices[: 1 if parameter.grad_req != "null" else None]
        for k, device in enumerate(devices):
            arrays[f"net {k} {name}"] = parameter.data(device).asnumpy()
    for i, state in trainer._updaters[0].states.items():
        for k, part in enumerate(_parts(state)):
            arrays[f"state {i} {k}"] = part.asnumpy()
    kind, keys, *rest = numpy.random.get_state()
    arrays["numpy keys"] = keys
    record = {
        "settings": settings,
        "history": vars(run.history),
        "step": run.step_number,
        "epoch of train_iter": _epoch_of(run.train_iter),
        "seed": run.seed,
        "python": random.getstate(),
        "numpy": [kind, *rest],
    }
    checkpoints.save(path, arrays, record)


def _epoch_of(train_iter) -> int | None:
    epoch = getattr(train_iter, "epoch", None)
    return None if epoch is None else int(epoch)


def save_or_warn(run, trainer, saving: Saving, settings: dict) -> None:
    """As `save`; where nothing can be written, stop or go on, as was asked."""
    try:
        save(run, trainer, saving.checkpoint, settings)
    except OSError as error:
        message = (
            f"the checkpoint {saving.checkpoint} can't be written after epoch "
            f"{len(run.history.epochs)}: {error.strerror}. The one before it, if "
            "there was one, is still there."
        )
        if saving.on_save_error == "stop":
            raise OSError(
                error.errno,
                f"{message} Make room, or give another path, and go on with "
                "resume=True; on_save_error='go on' trains without.",
            ) from error
        warnings.warn(f"{message} Training goes on.", stacklevel=3)


def restore(run, trainer, path: Path, settings: dict) -> None:
    """Go on where the run that wrote `path` was, if there is such a file."""
    found = checkpoints.load_newest(path)
    if found is None:
        return
    arrays, record = found
    _check_same_run(path, record["settings"], settings)
    named = run.net._collect_params_with_prefix()
    stored = {k[6:]: v for k, v in arrays.items() if k.startswith("net 0 ")}
    _check_same_net(
        path,
        {name: value.shape for name, value in stored.items()},
        {name: parameter.shape for name, parameter in named.items()},
    )
    for name, parameter in named.items():
        parameter.set_data(mx.np.array(stored[name], dtype=parameter.dtype))
        parameter._finish_deferred_init()  # nothing if it had its shape before
        for k, device in enumerate(run.devices):
            value = arrays.get(f"net {k} {name}", stored[name])
            parameter.data(device)[:] = mx.np.array(value, dtype=parameter.dtype)
    optimizer = trainer.optimizer
    for updater, device in zip(trainer._updaters, run.devices):
        for i, parameter in enumerate(_trained_in(run.net)):
            weights = parameter.data(device).as_nd_ndarray()
            state = optimizer.create_state_multi_precision(i, weights)
            for k, part in enumerate(_parts(state)):
                part[:] = arrays[f"state {i} {k}"]
            updater.states[i], updater.states_synced[i] = state, True
    vars(run.history).update(record["history"])
    run.step_number = record["step"]
    if record["epoch of train_iter"] is not None:
        run.train_iter.epoch = record["epoch of train_iter"]
    run.seed = record["seed"]
    version, state, gauss = record["python"]
    random.setstate((version, tuple(state), gauss))
    kind, *rest = record["numpy"]
    numpy.random.set_state((kind, arrays["numpy keys"], *rest))
    if run.history.epochs:
        run.start -= run.history.seconds


def _parts(state) -> list:
    """The arrays that an optimizer keeps for a parameter.

    That is the momentum, if there is any, and weights in float32 next to float16.
    """
    parts = state if isinstance(state, tuple) else (state,)
    return [part for part in parts if part is not None]


def _check_same_run(path: Path, stored: dict, settings: dict) -> None:
    """Refuse a checkpoint of a run with other settings, data or layers."""
    for name, value in json.loads(json.dumps(settings)).items():
        if stored.get(name) != value:
            raise ValueError(
                f"{path}: this checkpoint is of another run: {name} is "
                f"{stored.get(name)} there and {value} here. Give the run a path of "
                "its own, or remove that file."
            )


def identities(train_iter, test_iter) -> list[dict | None]:
    """What tells the data of a run, and their order, from other data."""
    return [_identity(train_iter), _identity(test_iter)]


def _identity(data_iter) -> dict | None:
    if data_iter is None:
        return None
    if hasattr(data_iter, "identity"):
        # NumPy's numbers become Python's, before there is something to lose.
        text = json.dumps(data_iter.identity(), default=lambda number: number.item())
        return json.loads(text)
    return {"batches": len(data_iter)}


def _check_same_net(path: Path, stored: dict, named: dict) -> None:
    """Refuse a checkpoint whose parameters are not those of the net, by place."""
    for name in sorted({*stored, *named}):
        there, here = stored.get(name), named.get(name)
        fits = there is not None and here is not None and len(there) == len(here)
        if not fits or any(m not in (n, 0, -1) for n, m in zip(there, here)):
            raise ValueError(
                f"{path}: this checkpoint is of another net: parameter {name} is "
                f"{there or 'absent'} there and {here or 'absent'} here. Build the net "
                "as it was, or remove that file."
            )
