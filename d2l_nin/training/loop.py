"""The training loop: epochs, batches, steps."""

from __future__ import annotations

from dataclasses import asdict, fields

import numpy
from mxnet import autograd

from d2l_nin.memory import free_cycles
from d2l_nin.training.devices import Team, find_workers, move
from d2l_nin.training.evaluate import _dtype_of, check_data
from d2l_nin.training.history import History, TrainingInterrupted
from d2l_nin.training.objective import LossOfHeads
from d2l_nin.training.progress import _make_view
from d2l_nin.training.recipe import Recipe, Saving
from d2l_nin.training.resume import identities, restore, save_or_warn
from d2l_nin.training.run import Run


def train_epoch(net, train_iter, loss_fn, trainer, run):
    """One epoch: for each batch, one step.

    Parameters
    ----------
    net : Block
    train_iter : iterable of (X, y)
    loss_fn : function (scores, y) -> (loss, hits)
        Both summed over the batch.
    trainer : gluon.Trainer
    run : Run
        Knows the learning rate of each step, and writes down what came of it.
    """
    for X, y in train_iter:
        trainer.set_learning_rate(run.learning_rate)
        with autograd.record():
            loss, hits = loss_fn(net(X), y)  # cross-entropy and right answers, summed
        loss.backward()
        trainer.step(len(X))  # divides the gradient by the number of images
        run.stepped(loss, hits, len(X))  # keeps the record


def fit(net, train_iter, test_iter=None, num_epochs=1, lr=0.1, **options) -> History:
    """Train a classifier by stochastic gradient descent with Nesterov's momentum.

    The net must be initialized; it is trained where its parameters are, on several
    devices if it was initialized on several. It is hybridized. In a net that was cast
    to float16 the optimizer keeps weights in float32 as well.

    Parameters
    ----------
    net : HybridBlock
        From X (N, C, H, W) to scores (N, num_classes), without softmax.
    train_iter, test_iter : iterables of (X, y) with a length
        Integer labels y (N,). Accuracy on `test_iter` is taken after each epoch.
    num_epochs : int
    lr : float
        The peak rate.
    momentum, weight_decay, label_smoothing, aux_weight, warmup, decay : optional
        As `d2l_nin.training.recipe.Recipe` describes them.
    on_step : function (step, net), optional
        Called after each update, with step counting from 1.
    progress : bool, optional
        A bar or a live curve; by default where someone may be looking.
    checkpoint : str or Path, optional
        A file that is written after each epoch, with the one before it kept beside.
    resume : bool, False by default
        Go on from `checkpoint` where it exists: the weights end as they would have
        without the interruption. Of a run that had ended, the outcome is loaded.
    on_save_error : str, 'stop' by default
        'stop' or 'go on' where the checkpoint can't be written, as on a full disk.
    devices : list of Context, optional
        Move the net there first. Each batch is split over them, uneven ones rightly,
        and gradients are summed.
    kvstore : str, optional
        'dist_sync' in a process that `python -m d2l_nin launch` has started: each batch
        is split over the workers as well. The history is of this worker's share.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        Before the first step: no batch, labels out of range, a net whose outputs are
        not one score for each class, in training set or test set; numbers that make no
        sense; weights that are NaN; a checkpoint of another run.
    TypeError
        An option of another name or kind; data that can be gone through only once.
    RuntimeError
        The net is not initialized.
    TrainingDiverged
        The loss, images, scores or weights became infinite or NaN.
    TrainingInterrupted
        Ctrl-C, or the notebook's stop button.
    OSError
        The checkpoint can't be written; before the first step where it can be known.
    """
    parts = parted({"num_epochs": num_epochs, "lr": lr, **options})
    return carry_out(net, train_iter, test_iter, *parts)


def carry_out(
    net, train_iter, test_iter, recipe: Recipe, saving: Saving, rest: dict, data=None
) -> History:
    """What `fit` says, with its options parted.

    Parameters
    ----------
    data : list, optional
        What `identities` gave, if it is known: reading all of the data takes a moment.
    """
    check_data("train_iter", train_iter, sized=True)
    if test_iter is not None:
        check_data("test_iter", test_iter, sized=False)
    num_steps = recipe.num_epochs * len(train_iter)
    if not num_steps:
        raise ValueError("train_iter: expected at least one batch, got none")
    saving.check()
    workers = find_workers(rest["kvstore"], saving.checkpoint)

    free_cycles()  # nets trained before
    if rest["devices"] is not None:
        move(net, rest["devices"])
    team = Team(net, workers)
    net.hybridize(static_alloc=True, static_shape=True)
    loss_fn = LossOfHeads(recipe.label_smoothing, recipe.aux_weight)
    half = _dtype_of(net) == numpy.float16
    trainer = recipe.trainer(net, half, team.kvstore)
    run = Run(team, train_iter, test_iter, recipe.rates(num_steps))
    run.on_step, run.view = rest["on_step"], _make_view(rest["progress"], num_steps)
    settings = asdict(recipe)
    if saving.checkpoint is not None:
        data = data or identities(train_iter, test_iter)
        settings["data"], settings["test data"] = data
    try:
        if saving.resume:
            restore(run, trainer, saving.checkpoint, settings)
        for _ in range(len(run.history.epochs), recipe.num_epochs):
            _one_epoch(run, loss_fn, trainer, saving, settings)
        run.seed_epoch()  # what comes next is the same after a run that was loaded
    except KeyboardInterrupt:
        run.look()
        raise TrainingInterrupted(
            f"stopped after step {run.step_number} of {num_steps}. The net has the "
            "weights of that step and can be used; the history until then is in this "
            "exception, in a notebook: import sys; sys.last_value.history",
            run.history,
        ) from None
    finally:
        if run.view is not None:
            run.view.close()
    return run.history


_REST = {"on_step": None, "progress": None, "devices": None, "kvstore": None}


def parted(options: dict) -> tuple[Recipe, Saving, dict]:
    """The options of `fit`, each where it belongs; one that is unknown is told."""
    of_recipe, of_saving = ([f.name for f in fields(c)] for c in (Recipe, Saving))
    known = [*of_recipe, *of_saving, *_REST]
    for name in options:
        if name not in known:
            raise TypeError(f"fit() has no option {name!r}; it has {', '.join(known)}")
    if options.get("on_step") is not None and not callable(options["on_step"]):
        raise TypeError(f"on_step: expected a function, got {options['on_step']!r}")
    recipe = Recipe(**{k: v for k, v in options.items() if k in of_recipe})
    saving = Saving(**{k: v for k, v in options.items() if k in of_saving})
    return recipe, saving, {k: options.get(k, v) for k, v in _REST.items()}


def _one_epoch(run: Run, loss_fn, trainer, saving: Saving, settings: dict) -> None:
    """Train, evaluate, save. A test set that is at fault doesn't cost the epoch."""
    run.begin_epoch()
    one_epoch = train_epoch if run.team.is_one else run.team.train_epoch
    one_epoch(run.net, run.batches(), loss_fn, trainer, run)
    run.end_epoch()
    try:
        run.evaluate()
    finally:
        if saving.checkpoint is not None:
            save_or_warn(run, trainer, saving, settings)
