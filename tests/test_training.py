"""The loop from outside: what it learns, repeats, counts and refuses."""

import hashlib
import inspect
import os
import subprocess
import sys
import time
from unittest import mock

import mxnet as mx
import numpy
import pytest
from mxnet import gluon, init, np
from mxnet.gluon import nn

from d2l_nin import memory
from d2l_nin.datasets import ArrayIter, load_fashion_mnist, random_shift
from d2l_nin.layers import Dense, HybridSequential
from d2l_nin.losses import cross_entropy
from d2l_nin.nin import nin_classroom
from d2l_nin.runtime import seed_everything
from d2l_nin.training import (
    History,
    TrainingDiverged,
    TrainingInterrupted,
    evaluate_accuracy,
    fit,
    learning_rate,
    progress,
)


def train(seed=0, net=None, **options):
    train_iter, _, valid_iter = load_fashion_mnist(
        64, train_size=600, validation=1000, seed=seed
    )
    seed_everything(seed)
    net = net or nin_classroom(dropout=0.2)
    net.initialize(init.MSRAPrelu("in", 0))
    options = {"num_epochs": 2, "lr": 0.1, **options}
    return net, fit(net, train_iter, valid_iter, **options)


def test_it_learns_and_writes_down_what_happened():
    net, history = train(num_epochs=3)
    assert history.test_acc > 0.5
    assert len(history.losses) == 3 * 10 and history.num_samples == 1800
    assert history.losses[-1] < history.losses[0]
    assert [row["epoch"] for row in history.epochs] == [1, 2, 3]
    assert history.images_per_second > 0 and history.seconds > history.train_seconds > 0
    _, _, valid_iter = load_fashion_mnist(64, train_size=600, validation=1000)
    assert evaluate_accuracy(net, valid_iter) == history.test_acc
    assert "test_acc" in repr(history) and "test_acc" in history._repr_html_()


def test_metrics_are_summed_over_samples():
    """The epoch's loss is the mean over images, not over batches."""
    _, history = train(num_epochs=1)
    sizes = [64] * 9 + [24]
    expected = numpy.average(history.losses, weights=sizes)
    assert history.train_loss == pytest.approx(expected, rel=1e-6)


REPEAT = """
import d2l_nin  # before mxnet: the threaded engine would not repeat
import hashlib, numpy
from mxnet import init
from d2l_nin.datasets import load_fashion_mnist, random_flip
from d2l_nin.nin import nin_classroom
from d2l_nin.runtime import seed_everything
from d2l_nin.training import fit
train_iter, test_iter = load_fashion_mnist(
    64, train_size=600, seed=SEED, augment=random_flip)
seed_everything(SEED)
net = nin_classroom(dropout=0.3)
net.initialize(init.MSRAPrelu("in", 0))
history = fit(net, train_iter, num_epochs=2, lr=0.1)
digest = hashlib.sha256(numpy.array(history.losses).tobytes())
for parameter in net.collect_params().values():
    digest.update(parameter.data().asnumpy().tobytes())
print(digest.hexdigest())
"""


def digest_of(seed, python=sys.executable):
    done = subprocess.run(
        [python, "-c", REPEAT.replace("SEED", str(seed))],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_same_seed_same_bits_in_another_process():
    """Through initialization, dropout, augmentation and shuffling."""
    first = digest_of(5)
    assert len(first) == len(hashlib.sha256().hexdigest())
    assert digest_of(5) == first
    assert digest_of(6) != first


@pytest.mark.skipif("OTHER_PYTHON" not in os.environ, reason="set OTHER_PYTHON")
def test_same_seed_same_bits_on_another_python():
    """OTHER_PYTHON is the interpreter of a second clone's .venv, of another version."""
    other, version = os.environ["OTHER_PYTHON"], "import sys; print(sys.version)"
    command = [other, "-c", version]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() != sys.version, "it is the same Python"
    assert digest_of(5) == digest_of(5, other)


def test_a_label_out_of_range_in_a_later_batch_is_no_miss():
    net = nin_classroom(num_classes=4)
    net.initialize(init.MSRAPrelu("in", 0))
    X = np.zeros((2, 1, 28, 28))
    batches = [(X, np.array([0, 3])), (X, np.array([1, 4]))]
    with pytest.raises(ValueError, match=r"expected whole numbers 0…3.*got 4"):
        evaluate_accuracy(net, batches)


def test_fit_is_the_plain_loop_to_the_bit():
    """With nothing of `fit` but the schedule, and MXNet's own trainer."""
    train_iter, _ = load_fashion_mnist(50, train_size=220, seed=3)
    losses, weights = {}, {}
    for way in ("fit", "plain"):
        seed_everything(3)
        train_iter.epoch = 0
        net = nin_classroom(dropout=0)
        net.initialize(init.MSRAPrelu("in", 0))
        if way == "fit":
            losses[way] = fit(net, train_iter, num_epochs=2, lr=0.1).losses
        else:
            losses[way] = plain_loop(net, train_iter, 2, lr=0.1)
        weights[way] = [p.data().asnumpy() for p in net.collect_params().values()]
    assert losses["fit"] == losses["plain"] and len(losses["fit"]) == 10
    for one, other in zip(weights["fit"], weights["plain"]):
        numpy.testing.assert_array_equal(one, other)


def plain_loop(net, train_iter, num_epochs, lr):
    net(np.zeros((1, 1, 28, 28)))
    for name, parameter in net.collect_params().items():
        parameter.wd_mult = float(name.endswith("weight"))
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = gluon.Trainer(
        {n: p for n, p in net.collect_params().items() if p.grad_req != "null"},
        "nag", {"momentum": 0.9, "wd": 5e-4}, kvstore=None,
    )  # fmt: skip
    losses = []
    for _ in range(num_epochs):
        for X, y in train_iter:
            step, num_steps = len(losses), num_epochs * len(train_iter)
            trainer.set_learning_rate(learning_rate(step, num_steps, lr))
            with mx.autograd.record():
                loss = cross_entropy(net(X), y).sum()
            loss.backward()
            trainer.step(len(X))
            losses.append(loss.item() / len(X))
    return losses


def test_an_epoch_is_what_readers_see(monkeypatch):
    """`fit` uses `train_epoch`, which fits on a screen, and nothing else."""
    from d2l_nin.training import loop

    called, real = [], loop.train_epoch
    monkeypatch.setattr(loop, "train_epoch", lambda *a: (called.append(a), real(*a))[1])
    _, history = train(num_epochs=2)
    assert len(called) == 2 and len(history.losses) == 20
    body = inspect.getsource(real).partition("    for X, y in train_iter:")[2]
    assert "loss.backward()" in body and len(body.splitlines()) <= 14


def test_two_devices_give_what_one_gives():
    """Uneven parts: batches of 15 and a last one of a single image."""
    weights = {}
    for devices in ([mx.cpu(0)], [mx.cpu(0), mx.cpu(1)]):
        seed_everything(3)
        train_iter, _ = load_fashion_mnist(15, train_size=31, seed=3)
        # Batch norm would see other batches on two devices, so there is none.
        net = nin_classroom(batch_norm=False)
        net.initialize(init.MSRAPrelu("in", 0), ctx=mx.cpu(0))
        net(np.zeros((1, 1, 28, 28)))
        net.collect_params().reset_ctx(devices)
        history = fit(net, train_iter, num_epochs=2, lr=0.01)
        weights[len(devices)] = [
            parameter.data(devices[-1]).asnumpy()
            for parameter in net.collect_params().values()
        ] + [numpy.array(history.losses)]
    for one, two in zip(weights[1], weights[2]):
        numpy.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)


def test_learning_rate_rises_then_falls():
    rates = [learning_rate(step, 20, 0.4, warmup=0.25) for step in range(20)]
    assert rates[:5] == pytest.approx([0.08, 0.16, 0.24, 0.32, 0.4])
    assert rates[5] == 0.4 and rates[-1] == pytest.approx(0.4 / 15)
    falls = numpy.diff(rates[5:])
    assert (falls < 0).all() and numpy.allclose(falls, falls[0])
    assert learning_rate(19, 20, 0.4, warmup=0, decay=False) == 0.4


class Listed(list):
    """A list of batches, as any iterable with a length."""


def perfect_net(num_classes=4):
    """Scores are the input itself."""
    net = HybridSequential()
    net.add(Dense(num_classes, use_bias=False))
    net.initialize()
    net(np.zeros((1, num_classes)))
    net[0].weight.set_data(np.eye(num_classes))
    return net


def test_accuracy_counts_samples_not_batches():
    X = np.eye(4)
    y = np.array([0, 1, 2, 3])
    batches = Listed([(X, y), (X[:1], np.array([1]))])  # 4 of 4, then 0 of 1
    assert evaluate_accuracy(perfect_net(), batches) == 0.8  # batch means: 0.5
    with pytest.raises(ValueError, match="expected at least one batch"):
        evaluate_accuracy(perfect_net(), [])


@pytest.mark.parametrize(
    ("net", "batches", "message"),
    [
        (lambda: fresh_net()[:-2], "images", "Is global average pooling or Flatten"),
        (lambda: fresh_net()[:-1], "images", "Is global average pooling or Flatten"),
        (lambda: fresh_net(num_classes=7), "images", "expected 10 outputs, one for"),
        (perfect_net, Listed([(np.eye(4), np.array([0, 1, 2, 4]))]), "0…3, as the net"),
        (perfect_net, Listed([(np.eye(4), np.eye(4))]), r"expected shape (N,)"),
    ],
)
def test_what_has_no_accuracy_is_told(net, batches, message):
    if batches == "images":
        batches = small_iter([1, 2, 3, 4, 5])
    with pytest.raises(ValueError) as told:
        evaluate_accuracy(net(), batches)
    assert message in str(told.value)


def test_label_smoothing_by_hand():
    from d2l_nin.training.objective import Objective

    scores = np.random.normal(size=(5, 4))
    y = np.array([0, 1, 2, 3, 0])
    log_p = numpy.log(
        numpy.exp(scores.asnumpy()) / numpy.exp(scores.asnumpy()).sum(1, keepdims=True)
    )
    target = numpy.eye(4)[[0, 1, 2, 3, 0]] * 0.9 + 0.1 / 4
    loss, hits = Objective(0.1)(scores, y)
    assert float(loss) == pytest.approx(-(target * log_p).sum(), rel=1e-5)
    assert int(hits) == (log_p.argmax(1) == y.asnumpy()).sum()


def test_weight_decay_is_on_weights_only():
    net, _ = train(num_epochs=1)
    kinds = {name.rsplit("_", 1)[-1]: p.wd_mult
             for name, p in net.collect_params().items()}  # fmt: skip
    assert kinds["weight"] == 1.0
    assert kinds["gamma"] == kinds["beta"] == kinds["bias"] == 0.0


def test_other_loaders_will_do():
    X = numpy.random.default_rng(0).random((30, 1, 28, 28)).astype(numpy.float32)
    dataset = gluon.data.ArrayDataset(np.array(X), np.array(numpy.arange(30) % 10))
    loader = gluon.data.DataLoader(dataset, batch_size=8)
    net = nin_classroom()
    net.initialize()
    assert len(fit(net, loader, num_epochs=1, lr=0.01).losses) == 4


def test_on_step_is_called_after_each_update():
    seen = []
    train(num_epochs=1, on_step=lambda step, net: seen.append(step))
    assert seen == list(range(1, 11))


# --- refusals -------------------------------------------------------------------


def small_iter(labels, num_classes=10):
    images = numpy.zeros((len(labels), 28, 28), numpy.uint8)
    names = [str(i) for i in range(num_classes)]
    return ArrayIter(images, numpy.array(labels), 4, classes=names)


def fresh_net(**options):
    net = nin_classroom(**options)
    net.initialize()
    return net


def without_pooling():
    return fresh_net()[:-2]


@pytest.mark.parametrize(
    ("net", "data_iter", "error", "message"),
    [
        (fresh_net, small_iter([1, 2, 10]), ValueError, "0…9, as the net has 10"),
        (fresh_net, small_iter([1, -1]), ValueError, "got -1"),
        (fresh_net, small_iter([]), ValueError, "expected at least one batch"),
        (
            lambda: fresh_net(num_classes=7),
            small_iter([1, 2]),
            ValueError,
            "expected 10 outputs, one for each class of the data, got 7",
        ),
        (without_pooling, small_iter([1, 2]), ValueError, "Is global average pooling"),
        (nin_classroom, small_iter([1, 2]), RuntimeError, "net.initialize() first"),
        (
            fresh_net,
            Listed([(np.zeros((2, 1, 28, 28)), np.array([0, 10]))]),
            ValueError,
            "0…9, as the net has 10",
        ),
        (
            fresh_net,
            Listed([(np.zeros((1, 1, 28, 28)), np.array([0.5]))]),
            ValueError,
            "whole numbers",
        ),
        (
            fresh_net,
            Listed([(np.zeros((1, 1, 28, 28)), np.array([[1, 2]]))]),
            ValueError,
            "expected shape (N,), got (1, 2)",
        ),
        (
            lambda: HybridSequential(),
            small_iter([1]),
            ValueError,
            "nothing to train",
        ),
    ],
)
def test_what_can_not_be_trained_is_told_before_a_step(net, data_iter, error, message):
    net, steps = net(), []
    with pytest.raises(error) as told:
        fit(net, data_iter, lr=0.1, on_step=lambda step, net: steps.append(step))
    assert message in str(told.value)
    assert steps == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_epochs": 0}, "num_epochs: expected at least 1"),
        ({"lr": 0}, "lr: expected more than 0"),
        ({"lr": float("nan")}, "lr: expected more than 0"),
        ({"warmup": 1}, "warmup: expected 0 ≤ warmup < 1"),
        ({"label_smoothing": -0.1}, "label_smoothing: expected 0 ≤"),
    ],
)
def test_settings_that_make_no_sense_are_told(options, message):
    with pytest.raises(ValueError) as told:
        fit(fresh_net(), small_iter([1, 2]), **options)
    assert message in str(told.value)


def test_a_loss_that_becomes_nan_stops_the_run():
    with pytest.raises(TrainingDiverged) as told:
        train(net=nin_classroom(batch_norm=False), lr=1e4, warmup=0, num_epochs=5)
    losses = told.value.history.losses
    assert not numpy.isfinite(losses[-1]) and numpy.isfinite(losses[:-1]).all()
    message = str(told.value)
    assert f"at step {len(losses)} of 50" in message and "try a lower lr" in message


# --- progress -------------------------------------------------------------------


def test_quiet_without_a_terminal(capfd):
    train(num_epochs=1)
    out, err = capfd.readouterr()
    assert out == "" and err == ""


def test_a_bar_when_asked(capfd, monkeypatch):
    monkeypatch.setenv("CI", "true")
    train(num_epochs=1, progress=True)
    _, err = capfd.readouterr()
    assert "10/10" in err or "loss" in err
    train(num_epochs=1)
    assert capfd.readouterr().err == ""


class Taken:
    """Stands in for `Load`: others take 1.2 cores, or none."""

    cores, since = 1.2, float("-inf")

    def others(self):
        return self.cores


def test_the_bar_and_the_curve_say_when_others_compute(capsys, monkeypatch):
    monkeypatch.setattr(progress, "Load", Taken)
    history = History()
    history.losses.append(0.5)
    bar, curve = progress._Bar(2), progress._CurveWithRemark(mock.MagicMock())
    told = "slower: other programs take 1.2 cores"
    for taken in (1.2, 0.3):
        monkeypatch.setattr(Taken, "cores", taken)
        for view in (bar, curve):
            view.update(history)
            view.update(history)
        assert (told in str(bar.bar)) == (taken > 1)
    assert capsys.readouterr().err.count(f"This run is {told}.") == 1  # not twice
    assert curve.curve.update.call_count == 4
    for view in (bar, curve):
        view.close()


def test_others_are_looked_at_now_and_then(monkeypatch):
    """Before the time is up the last look holds."""
    monkeypatch.setattr(progress, "Load", Taken)
    neighbours = progress.Neighbours()
    assert neighbours.remark() != ""
    monkeypatch.setattr(Taken, "cores", 0.0)
    monkeypatch.setattr(Taken, "since", float("inf"))
    assert neighbours.remark() != ""
    monkeypatch.setattr(Taken, "since", float("-inf"))
    assert neighbours.remark() == ""


def test_a_run_says_how_many_threads_it_had():
    _, history = train(num_epochs=1)
    assert history.threads == int(os.environ["OMP_NUM_THREADS"])


LIVE = """
from unittest import mock
FIGURES
from d2l_nin.training import progress
shell = mock.MagicMock(kernel=True)  # Matplotlib asks it as well
import IPython; IPython.get_ipython = lambda: shell
view = progress._make_view(None, 10)
print(type(getattr(view, "curve", view)).__name__)
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "LiveCurve"),
        ({"D2L_NIN_LIVE": "0"}, "NoneType"),
        ({"CI": "true"}, "NoneType"),
    ],
)
@pytest.mark.parametrize("figures", ["import d2l_nin.figures", ""])
def test_live_curves_only_where_someone_looks(variables, expected, figures):
    """Importing `figures` changes nothing."""
    env = {k: v for k, v in os.environ.items() if k not in ("CI", "D2L_NIN_LIVE")}
    done = subprocess.run(
        [sys.executable, "-c", LIVE.replace("FIGURES", figures)],
        env={**env, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected


def test_memory_stays_flat_over_many_runs():
    """Nets that are gone give their memory back."""
    import psutil

    process = psutil.Process()
    taken = []
    for seed in range(6):
        train(seed=seed, net=nin_classroom())
        taken.append(process.memory_info().rss / 2**20)
    assert taken[-1] - taken[1] < 120, taken


def test_many_short_runs_look_for_cycles_once_a_second_and_stay_flat(monkeypatch):
    """Forty runs of 5 MiB each (weights, gradients, momentum)."""
    import psutil

    process, looks, collect = psutil.Process(), [], memory.gc.collect

    def counted():
        looks.append(time.monotonic())
        return collect()

    monkeypatch.setattr(memory.gc, "collect", counted)
    rng = numpy.random.default_rng(0)
    images = rng.integers(0, 256, (8, 28, 28), numpy.uint8)
    data, taken = ArrayIter(images, numpy.arange(8), 8), []
    for _ in range(40):
        net = HybridSequential()
        net.add(nn.Flatten(), Dense(512), Dense(10))
        net.initialize()
        fit(net, data)
        taken.append(process.memory_info().rss / 2**20)
    assert looks and all(b - a >= 1 for a, b in zip(looks, looks[1:]))
    assert max(taken) - taken[10] < 100, taken


def test_memory_stays_flat_over_many_epochs():
    """Forty epochs with shuffling, augmentation and a bigger size; MiB at each."""
    import psutil

    process, taken = psutil.Process(), []
    train_iter, _ = load_fashion_mnist(
        64, resize=32, train_size=256, augment=random_shift, seed=1
    )
    net = nin_classroom(widths=(16, 16, 16))
    net.initialize()

    def look(step, net):
        if step % 4 == 0:
            taken.append(process.memory_info().rss / 2**20)

    fit(net, train_iter, num_epochs=40, lr=0.05, on_step=look)
    assert len(taken) == 40
    assert taken[-1] - taken[9] < 20, taken


def test_nn_layers_of_gluon_work_too():
    net = nn.HybridSequential()
    net.add(nn.Flatten(), nn.Dense(10))
    net.initialize()
    assert len(fit(net, small_iter([0, 1, 2, 3, 4]), lr=0.01).losses) == 2


# --- what is known before the first step, and what is found on the way --------------


def images(num=8, size=28):
    rng = numpy.random.default_rng(0)
    return rng.random((num, 1, size, size)).astype(numpy.float32)


def batch(num=8):
    return np.array(images(num)), np.array(numpy.arange(num) % 10)


class Short(list):
    """Says that it has one batch and gives two."""

    def __len__(self):
        return 1


@pytest.mark.parametrize(
    ("test_iter", "error", "message"),
    [
        ([], ValueError, "test_iter: expected at least one batch"),
        (
            small_iter([1, 2, 3], num_classes=7),
            ValueError,
            "test_iter: net: expected 7",
        ),
        (small_iter([1, 2, 11], num_classes=10), ValueError, "test_iter: labels: exp"),
        ([(np.array(images()) * np.inf, batch()[1])], ValueError, "finite images"),
        ((b for b in [batch()]), TypeError, "test_iter: expected batches that can be"),
        ([("no", "batch")], TypeError, "test_iter: X: expected an mxnet.np array"),
    ],
)
def test_a_bad_test_set_is_told_before_a_step(tmp_path, test_iter, error, message):
    steps = []
    with pytest.raises(error) as told:
        fit(
            fresh_net(), [batch()], test_iter, checkpoint=tmp_path / "run",
            on_step=lambda step, net: steps.append(step),
        )  # fmt: skip
    assert message in str(told.value) and steps == []


def test_looking_at_the_test_set_changes_nothing():
    test_iter = small_iter([1, 2, 3, 4, 5])
    with_test, without = fresh_net(), fresh_net()
    losses = []
    for net, data in ((with_test, test_iter), (without, None)):
        seed_everything(1)
        net.initialize(init.MSRAPrelu("in", 0), force_reinit=True)
        losses.append(fit(net, [batch()] * 3, data, lr=0.1).losses)
    assert losses[0] == losses[1] and test_iter.epoch == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"checkpoint": "/dev/null/run"}, OSError, "/dev/null is no folder"),
        ({"checkpoint": "/tmp"}, OSError, "expected a file, /tmp is a folder"),
        ({"on_step": 3}, TypeError, "on_step: expected a function"),
        ({"learning_rate": 3}, TypeError, "fit() has no option 'learning_rate'"),
        ({"lr": "0.1"}, TypeError, "lr: expected a number, got '0.1'"),
        ({"num_epochs": 1.5}, TypeError, "num_epochs: expected an integer"),
        ({"decay": "no"}, TypeError, "decay: expected True or False"),
    ],
)
def test_options_that_won_t_do_are_told_before_a_step(options, error, message):
    steps = []
    options = {"on_step": lambda step, net: steps.append(step), **options}
    with pytest.raises(error) as told:
        fit(fresh_net(), [batch()], **options)
    assert message in str(told.value) and steps == []


@pytest.mark.parametrize("kind", [numpy.float32, numpy.float64, numpy.array])
def test_numbers_of_numpy_are_numbers(tmp_path, kind):
    options = {
        "num_epochs": numpy.int64(2), "lr": kind(0.25), "momentum": kind(0.5),
        "weight_decay": kind(0), "label_smoothing": kind(0.125), "warmup": kind(0.5),
        "aux_weight": kind(0.5), "decay": numpy.bool_(True),
    }  # fmt: skip
    path = tmp_path / "run.ckpt"
    train_iter = small_iter([1, 2, 3, 4, 5])
    train_iter.epoch = numpy.int64(0)
    first = fit(fresh_net(), train_iter, checkpoint=path, **options)
    train_iter.epoch = 0
    plain = {name: value.item() for name, value in options.items()}
    again = fit(fresh_net(), train_iter, checkpoint=path, resume=True, **plain)
    assert again.losses == first.losses and len(first.epochs) == 2


def spoilt_images(value):
    X = images()
    X[3, 0, 5, 5] = value
    return Listed([batch(), (np.array(X), batch()[1])])


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf, -numpy.inf])
def test_one_spoilt_pixel_stops_the_run(value):
    with pytest.raises(TrainingDiverged) as told:
        fit(fresh_net(), spoilt_images(value), num_epochs=3, lr=0.1)
    assert "the images hold NaN or infinity at step 2 of 6" in str(told.value)
    assert len(told.value.history.losses) == 2
    with pytest.raises(ValueError, match="NaN or infinity in batch 1"):
        evaluate_accuracy(fresh_net(), spoilt_images(value))


def test_spoilt_weights_stop_the_run():
    net = fresh_net()
    net(batch()[0])
    name = next(n for n in net.collect_params() if n.endswith("weight"))
    net.collect_params()[name].data()[0, 0, 0, 0] = numpy.nan
    with pytest.raises(ValueError, match=f"infinity in {name}"):
        fit(net, [batch()])

    def spoil(step, net):
        if step == 2:
            net.collect_params()[name].data()[0, 0, 0, 0] = numpy.nan

    net = fresh_net()
    name = next(n for n in net.collect_params() if n.endswith("weight"))
    with pytest.raises(TrainingDiverged, match="became NaN"):
        fit(net, [batch()] * 2, num_epochs=5, lr=0.01, on_step=spoil)


def test_infinite_scores_stop_the_run():
    """A score of -inf at a wrong class leaves the loss finite."""
    net = perfect_net()
    X, y = numpy.eye(4) * 9, numpy.arange(4)
    data = Listed([(np.array(X), np.array(y))])
    assert fit(net, data, lr=1e-6).train_acc == 1
    from d2l_nin.training.objective import LossOfHeads

    scores = np.array([[9.0, -numpy.inf, 0, 0]])
    loss, hits = LossOfHeads(0.0, 0.3)(scores, np.array([0]))
    assert numpy.isfinite(loss.item()) and numpy.isnan(hits.item())


def test_more_batches_than_the_length_says_are_told():
    with pytest.raises(ValueError, match="expected 1 batches in an epoch"):
        fit(fresh_net(), Short([batch(), batch()]))


@pytest.mark.parametrize(
    "make",
    [
        lambda X, y: (X, y),
        lambda X, y: (mx.nd.array(X), mx.nd.array(y)),
        lambda X, y: (np.array(X), y.tolist()),
    ],
)
def test_foreign_arrays_train_as_the_course_s_own(make):
    losses = []
    X, y = images(), numpy.arange(8) % 10
    for data in ([(np.array(X), np.array(y))], [make(X, y)]):
        seed_everything(0)
        net = fresh_net()
        losses.append(fit(net, data, data, num_epochs=2, lr=0.1).losses)
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (numpy.zeros((2, 28, 28, 1), "float32"), [0, 1], "channels last"),
        (images(2), ["cat", "dog"], "labels"),
        (images(2).tolist(), [0, 1], "X: expected an mxnet.np array"),
    ],
)
def test_what_is_no_batch_is_refused_by_name(X, y, message):
    for refuse in (lambda: fit(fresh_net(), [(X, y)]),
                   lambda: evaluate_accuracy(fresh_net(), [(X, y)])):  # fmt: skip
        with pytest.raises((TypeError, ValueError)) as told:
            refuse()
        assert message in str(told.value)


def test_seconds_and_images_agree_when_stopped_late():
    """Ctrl-C in the second epoch: its seconds count, as its images do."""

    def on_step(step, net):
        time.sleep(0.05)
        if step == 8:
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted) as stopped:
        fit(fresh_net(), [batch()] * 5, num_epochs=3, lr=0.01, on_step=on_step)
    history = stopped.value.history
    assert history.num_samples == 64 and len(history.losses) == 8
    assert history.train_seconds >= 8 * 0.05
