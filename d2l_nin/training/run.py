"""One run of `fit`: what comes before a step, and the record of the steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import mxnet as mx

from d2l_nin.datasets import as_batch
from d2l_nin.environment import num_threads
from d2l_nin.training.devices import Team
from d2l_nin.training.evaluate import (
    _check_labels,
    _classes_of,
    _dtype_of,
    _put,
    all_finite,
    check_batch,
    check_test_set,
    evaluate_accuracy,
    first_scores,
    not_finite_in,
)
from d2l_nin.training.history import History, TrainingDiverged

# Steps between two looks at the losses. Each look waits for the device, so it is not
# taken at every step; a loss that became NaN is found at most so many steps later.
STEPS_PER_LOOK = 32
GO_GENTLER = "try a lower lr, a longer warmup, batch norm, or MSRA instead of Xavier."
LOOK_AT_IMAGES = "look for them in the data: numpy.isfinite(X).all()."


class Run:
    """The batches of a run, checked; and its history, written step by step.

    Parameters
    ----------
    team : Team
        The net and its devices.
    train_iter, test_iter : iterables of (X, y)
        `test_iter` may be None.
    rates : list of float
        The learning rate of each step.
    on_step : function (step, net), optional
    view : object with update(history), optional
    """

    def __init__(self, team: Team, train_iter, test_iter, rates: list[float]):
        self.team, self.net, self.devices = team, team.net, team.devices
        self.train_iter, self.test_iter, self.rates = train_iter, test_iter, rates
        self.on_step: Callable | None = None
        self.view = None
        self.dtype = _dtype_of(team.net)
        self.history, self.start = History(), time.perf_counter()
        self.since: float | None = None  # when training went on; None between epochs
        self.step_number, self.num_classes = 0, None
        self.pending: list[tuple] = []  # results of steps, still on the device
        self.images_finite = None  # of the batch under way, still on the device
        self.seed: int | None = None
        self.sums = [0.0, 0, 0]  # of this epoch: loss, hits, samples

    @property
    def learning_rate(self) -> float:
        """Of the step that comes."""
        return self.rates[self.step_number]

    def batches(self) -> Iterator[tuple]:
        """The batches of an epoch, each checked and where the net is."""
        for batch, (X, y) in enumerate(self.train_iter):
            X, y = as_batch(X, y, _classes_of(self.train_iter))
            self.check(X, y)
            if batch == 0:
                self.seed_epoch()
            X = _put(X, self.devices[0], self.dtype)
            self.images_finite = all_finite(X)
            yield X, y.as_in_ctx(self.devices[0])

    def check(self, X, y) -> None:
        """Tell what can't be trained on: everything before the first step, then labels.

        Labels that lie in memory are looked at once, others as they come. A run that
        goes on is looked at as well: its data may be others by now.
        """
        if self.num_classes is None:
            X = _put(X, self.devices[0], self.dtype)
            scores, num_samples = first_scores(self.net, X)
            check_batch(scores, num_samples, y, self.train_iter)
            self.num_classes = scores.shape[1]
            if self.step_number == 0:  # a run that goes on has its weights
                self.team.take_over_weights()
            spoilt = not_finite_in(self.net)
            if spoilt:
                raise ValueError(
                    "net: expected finite weights, found NaN or infinity in "
                    f"{', '.join(spoilt[:3])}: call net.initialize(force_reinit=True)"
                )
            if self.test_iter is not None:
                check_test_set(self.net, self.test_iter)
        elif not hasattr(self.train_iter, "labels"):
            _check_labels(y, self.num_classes)
        if self.step_number >= len(self.rates):
            raise ValueError(
                f"train_iter: expected {len(self.train_iter)} batches in an epoch, as "
                "its length says, got more"
            )

    def seed_epoch(self) -> None:
        """Set MXNet's random state, which can't be read, from what can be stored."""
        if self.seed is None:  # after the weights were drawn, which happens in `check`
            self.seed = int(mx.np.random.randint(0, 2**31 - 1).item())
        # Workers drop different values, as devices do.
        seed = self.seed + len(self.history.epochs) + 7919 * self.team.rank
        mx.random.seed(seed % 2**31)

    def begin_epoch(self) -> None:
        self.sums, self.since = [0.0, 0, 0], time.perf_counter()
        self.history.threads = num_threads()

    def stepped(self, loss, hits, num_samples: int) -> None:
        """Take down a step, without waiting for the device.

        Parameters
        ----------
        loss, hits : array of one number, or a list of such, one for each device
            Summed over the samples.
        num_samples : int
        """
        self.step_number += 1
        self.pending.append((self.images_finite, loss, hits, num_samples))
        if self.on_step is not None:
            self.on_step(self.step_number, self.net)
        if self.step_number % STEPS_PER_LOOK == 0:
            self.look()

    def look(self) -> None:
        """Wait for the device, take over what is pending, show it."""
        try:
            while self.pending:
                self.take_down(*self.pending[0])
            spoilt = not_finite_in(self.net) if self.history.losses else []
            if spoilt:
                raise self.diverged(f"{spoilt[0]} became NaN or infinite")
        finally:
            self.take_time()
        if self.view is not None:
            self.view.update(self.history)

    def take_down(self, images_finite, loss, hits, num_samples: int) -> None:
        """Write down the oldest step that is pending."""
        loss, hits = _total(loss), _total(hits)
        self.pending.pop(0)
        self.history.losses.append(loss / max(num_samples, 1))
        self.history.num_samples += num_samples
        for i, part in enumerate((loss, hits, num_samples)):
            self.sums[i] += part
        if not images_finite.item():
            raise self.diverged("the images hold NaN or infinity", LOOK_AT_IMAGES)
        if not math.isfinite(loss):
            raise self.diverged(f"the loss became {loss}")
        if not math.isfinite(hits):
            raise self.diverged("the scores became NaN or infinite")

    def take_time(self) -> None:
        """Count the seconds that the steps took: they and the images agree."""
        if self.since is not None:
            now = time.perf_counter()
            self.history.train_seconds += now - self.since
            self.since = now

    def diverged(self, what: str, mend: str | None = None) -> TrainingDiverged:
        step = len(self.history.losses)
        return TrainingDiverged(
            f"{what} at step {step} of {len(self.rates)}, at a "
            f"learning rate of {self.rates[step - 1]:.3g}. The weights are "
            f"spoilt: call net.initialize(force_reinit=True), then "
            f"{mend or GO_GENTLER}",
            self.history,
        )

    def end_epoch(self) -> None:
        """Close the epoch."""
        self.look()
        self.since = None
        loss, hits, num_samples = self.sums
        if not num_samples:
            raise ValueError("train_iter: expected at least one batch, got none")
        row = {
            "epoch": len(self.history.epochs) + 1,
            "train_loss": loss / num_samples,
            "train_acc": int(hits) / num_samples,
        }
        self.history.epochs.append(row)

    def evaluate(self) -> None:
        """Add the accuracy on the test set, if there is one; NaN where that fails."""
        row = self.history.epochs[-1]
        try:
            if self.test_iter is not None:
                row["test_acc"] = math.nan
                row["test_acc"] = evaluate_accuracy(self.net, self.test_iter)
        finally:
            row["seconds"] = time.perf_counter() - self.start
        if self.view is not None:
            self.view.update(self.history)


def _total(parts) -> float:
    """The sum over devices, once they have computed it."""
    parts = parts if isinstance(parts, (list, tuple)) else [parts]
    return sum(float(part.item()) for part in parts)
