"""What a run is asked to do: numbers that are looked at before anything is computed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy
from mxnet import gluon

from d2l_nin.runtime import real_number, whole_number
from d2l_nin.training.evaluate import _trained_in


def learning_rate(step: int, num_steps: int, lr: float, warmup=0.15, decay=True):
    """The rate of step 0 … num_steps - 1: a linear rise, then a linear fall to 0.

    Parameters
    ----------
    step, num_steps : int
    lr : float
        The peak.
    warmup : float
        Share of all steps that the rise takes.
    decay : bool
        Whether it falls afterwards or stays at the peak.

    Returns
    -------
    float
    """
    rise = round(num_steps * warmup)
    if step < rise:
        return lr * (step + 1) / rise
    return lr * (num_steps - step) / (num_steps - rise) if decay else lr


@dataclass
class Recipe:
    """How the weights are changed: options of `fit`.

    Attributes
    ----------
    num_epochs : int
    lr : float
        The peak rate; see `learning_rate` for `warmup` and `decay`.
    momentum : float
    weight_decay : float
        On weights only, not on biases and batch norm's scale and shift.
    label_smoothing : float
        This share of the label is spread evenly over all classes.
    aux_weight : float
        Of the losses of auxiliary heads, where the net gives (scores, scores of a
        head, …); accuracy is that of the first.
    warmup : float
        Share of all steps in which the rate rises to `lr`.
    decay : bool
        Whether the rate then falls linearly to 0.

    Notes
    -----
    Auxiliary heads: Szegedy et al., arXiv 1409.4842, section 5. Label smoothing:
    Szegedy et al., arXiv 1512.00567, section 7. Linear warm-up: Goyal
    et al., arXiv 1706.02677, section 2.2.
    """

    num_epochs: int = 1
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    aux_weight: float = 0.3
    warmup: float = 0.15
    decay: bool = True

    def __post_init__(self):
        # NumPy's numbers become Python's: a checkpoint holds JSON.
        self.num_epochs = whole_number("num_epochs", self.num_epochs, 1)
        for name in ("lr", "momentum", "weight_decay", "aux_weight"):
            setattr(self, name, real_number(name, getattr(self, name)))
        if not self.lr > 0:
            raise ValueError(f"lr: expected more than 0, got {self.lr}")
        for name in ("warmup", "label_smoothing"):
            value = real_number(name, getattr(self, name))
            setattr(self, name, value)
            if not 0 <= value < 1:
                raise ValueError(f"{name}: expected 0 ≤ {name} < 1, got {value}")
        if not isinstance(self.decay, (bool, numpy.bool_)):
            raise TypeError(f"decay: expected True or False, got {self.decay!r}")
        self.decay = bool(self.decay)

    def rates(self, num_steps: int) -> list[float]:
        """The learning rate of each step."""
        return [
            learning_rate(step, num_steps, self.lr, self.warmup, self.decay)
            for step in range(num_steps)
        ]

    def trainer(self, net, half: bool, kvstore: str | None) -> gluon.Trainer:
        """Nesterov's momentum on what is trained, weight decay on weights only."""
        for name, parameter in net.collect_params().items():
            if not name.endswith("weight"):
                parameter.wd_mult = 0.0
        settings = {
            "learning_rate": self.lr,
            "momentum": self.momentum,
            "wd": self.weight_decay,
            "multi_precision": half,
        }
        # Only what is trained: at its first step the trainer gives all devices the
        # values of the first, and running statistics are each device's own.
        return gluon.Trainer(
            _trained_in(net), "nag", settings, kvstore=kvstore, update_on_kvstore=False
        )


@dataclass
class Saving:
    """Where a run is saved after each epoch; `fit` describes each word."""

    checkpoint: str | Path | None = None
    resume: bool = False
    on_save_error: str = "stop"

    def __post_init__(self):
        self.resume = bool(self.resume)
        if self.resume and self.checkpoint is None:
            raise ValueError("resume=True: expected a path as checkpoint, got None")
        if self.on_save_error not in ("stop", "go on"):
            raise ValueError(
                f"on_save_error: expected 'stop' or 'go on', got {self.on_save_error!r}"
            )
        if self.checkpoint is not None:
            self.checkpoint = Path(self.checkpoint).expanduser()

    def check(self) -> None:
        """Tell a place where nothing can be written before there is something to lose.

        Raises
        ------
        OSError
        """
        if self.checkpoint is None or self.on_save_error == "go on":
            return
        if self.checkpoint.is_dir():
            raise IsADirectoryError(
                f"checkpoint: expected a file, {self.checkpoint} is a folder"
            )
        folder = next(f for f in self.checkpoint.absolute().parents if f.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise PermissionError(
                f"checkpoint: {self.checkpoint} can't be written: {folder} is no "
                "folder that you may write to. Give another path."
            )
