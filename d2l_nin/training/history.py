"""The record of a run, and how a run ends early."""

from __future__ import annotations

import pandas


class TrainingDiverged(FloatingPointError):
    """The loss became infinite or NaN; `history` holds the run until then."""

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


class TrainingInterrupted(KeyboardInterrupt):
    """Someone stopped `fit`; `history` is the run so far, the net has its weights."""

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


class History:
    """What happened in a run of `fit`.

    Attributes
    ----------
    losses : list of float
        Mean loss of each batch, in order.
    epochs : list of dict
        One for each epoch: `epoch`, `train_loss`, `train_acc` (both summed over the
        samples as they were trained on, divided by their number), `test_acc` (absent
        without a test set), `seconds` (of training and evaluation since the start).
    num_samples : int
        Images trained on, all epochs together.
    train_seconds : float
        Of training alone.
    threads : int or None
        On a CPU, those of the epoch begun last: another number gives other last digits.
        None where MXNet chose them, as it was imported before this package.
    """

    def __init__(self):
        self.losses: list[float] = []
        self.epochs: list[dict] = []
        self.num_samples = 0
        self.train_seconds = 0.0
        self.threads: int | None = None

    def _last(self, name: str):
        if not self.epochs or name not in self.epochs[-1]:
            raise ValueError(f"{name} is not known: no epoch ended, or no test set")
        return self.epochs[-1][name]

    train_loss = property(lambda self: self._last("train_loss"))
    train_acc = property(lambda self: self._last("train_acc"))
    test_acc = property(lambda self: self._last("test_acc"))
    seconds = property(lambda self: self._last("seconds"))

    @property
    def images_per_second(self) -> float:
        """Training speed, without evaluation."""
        return self.num_samples / self.train_seconds if self.train_seconds else 0.0

    def to_frame(self) -> pandas.DataFrame:
        """One row for each epoch."""
        return pandas.DataFrame(self.epochs)

    def __repr__(self) -> str:
        if not self.epochs:
            return "History(no epoch ended)"
        return self.to_frame().to_string(index=False, float_format="{:.3f}".format)

    def _repr_html_(self) -> str | None:
        if not self.epochs:
            return None
        return self.to_frame().to_html(
            index=False, border=0, float_format="{:.3f}".format
        )
