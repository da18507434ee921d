"""Runs that are killed, stopped, or can't write: what was reached is not lost."""

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys

import mxnet as mx
import numpy
import pytest
from mxnet import init

from d2l_nin.checkpoint import load, load_newest
from d2l_nin.datasets import load_fashion_mnist
from d2l_nin.nin import nin_classroom
from d2l_nin.runtime import seed_everything
from d2l_nin.training import TrainingInterrupted, evaluate_accuracy, fit

# A run with dropout, augmentation and shuffling, of many short epochs. It counts its
# steps and, while it saves, what it asks of the disk, and kills itself at one of them.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from d2l_nin.runtime import seed_everything
import numpy
from mxnet import init
from d2l_nin.datasets import ArrayIter, random_shift
from d2l_nin.nin import nin_classroom
from d2l_nin.training import fit

path, kill_at = sys.argv[1], int(sys.argv[2])
events = []

def count(kind):
    events.append(kind)
    if len(events) == kill_at:
        print(kind, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

def counted(kind, function):
    def call(*arguments):
        count(kind)
        return function(*arguments)
    return call

os.fsync = counted("write", os.fsync)
Path.replace = counted("rename", Path.replace)
images = numpy.random.default_rng(4).integers(0, 256, (128, 28, 28), numpy.uint8)
train_iter = ArrayIter(images, numpy.arange(128) % 10, 64, shuffle=True,
                       augment=random_shift, seed=4)
seed_everything(4)
net = nin_classroom(widths=(8, 8, 8), dropout=0.5)
net.initialize(init.MSRAPrelu("in", 0))
history = fit(net, train_iter, num_epochs=EPOCHS, lr=0.05, checkpoint=path,
              resume=True, on_step=lambda step, net: count("step"))
weights = {n: p.data().asnumpy() for n, p in net._collect_params_with_prefix().items()}
numpy.savez(path + ".npz", losses=history.losses, **weights)
"""
# An epoch has five such events: two steps, one write, two renames. Twenty kills, each
# at the latest at event 12, come within 48 epochs: no run ends before its kill.
EPOCHS, KILLS, LATEST = 50, 20, 12


def run_script(path, kill_at=0):
    """(exit code, what it did last) of a process that is killed at this event."""
    script = SCRIPT.replace("EPOCHS", str(EPOCHS))
    command = [sys.executable, "-c", script, str(path), str(kill_at)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return done.returncode, done.stdout.strip()


def test_twenty_kills_at_random_moments_change_no_bit(tmp_path):
    assert run_script(tmp_path / "whole") == (0, "")
    moments = random.Random(0)
    killed_at, epochs_at_kill = [], []
    for _ in range(KILLS):
        code, kind = run_script(tmp_path / "killed", moments.randint(1, LATEST))
        assert code == -signal.SIGKILL
        killed_at.append(kind)
        found = load_newest(tmp_path / "killed")
        if found is not None:
            epochs_at_kill.append(len(found[1]["history"]["epochs"]))
    assert set(killed_at) == {"step", "write", "rename"}, "in training and in saving"
    assert epochs_at_kill == sorted(epochs_at_kill), "it never fell back"
    assert epochs_at_kill[-1] > 10, "it got on between the kills"
    assert run_script(tmp_path / "killed") == (0, "")
    whole, killed = (numpy.load(tmp_path / f"{n}.npz") for n in ("whole", "killed"))
    assert set(whole) == set(killed)
    for name in whole:
        numpy.testing.assert_array_equal(whole[name], killed[name], err_msg=name)
    assert not list(tmp_path.glob("*.partial")), "what they left is removed"


# --- stopped by hand --------------------------------------------------------------


def small_run(**options):
    train_iter, test_iter = load_fashion_mnist(50, train_size=200, seed=2)
    test_iter.images, test_iter.labels = train_iter.images, train_iter.labels
    seed_everything(2)
    net = nin_classroom(widths=(8, 8, 8))
    net.initialize(init.MSRAPrelu("in", 0))
    return net, test_iter, lambda: fit(net, train_iter, lr=0.05, **options)


def test_ctrl_c_leaves_a_net_and_a_history():
    # A shell's background jobs ignore Ctrl-C, and so would these tests in one.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_step(step, net):
        if step == 6:
            os.kill(os.getpid(), signal.SIGINT)

    net, test_iter, run = small_run(num_epochs=3, on_step=on_step)
    with pytest.raises(TrainingInterrupted, match="after step 6 of 12") as stopped:
        run()
    history = stopped.value.history
    assert isinstance(stopped.value, KeyboardInterrupt), "a notebook stops at it"
    assert len(history.losses) == 6 and len(history.epochs) == 1
    assert history.train_acc >= 0
    assert 0 <= evaluate_accuracy(net, test_iter) <= 1


# --- nowhere to write -------------------------------------------------------------


@contextlib.contextmanager
def no_room():
    """No file of more than 1,000 bytes can be written, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("on_save_error", ["stop", "go on"])
def test_a_full_disk(tmp_path, on_save_error):
    path, full = tmp_path / "run.ckpt", contextlib.ExitStack()

    def on_step(step, net):
        if step == 5:  # epochs have 4 steps: the first checkpoint is written
            full.enter_context(no_room())

    options = {"checkpoint": path, "on_save_error": on_save_error, "on_step": on_step}
    _, _, run = small_run(num_epochs=3, **options)
    with full:
        if on_save_error == "stop":
            with pytest.raises(OSError, match=r"after epoch 2: .*resume=True"):
                run()
        else:
            with pytest.warns(UserWarning, match=r"after epoch 3: .*Training goes on"):
                assert len(run().epochs) == 3
    assert len(load(path)[1]["history"]["epochs"]) == 1, "the last good one stays"
    assert os.listdir(tmp_path) == ["run.ckpt"], "nothing half-written is left"
    again = small_run(num_epochs=3, checkpoint=path, resume=True)[2]()
    whole = small_run(num_epochs=3)[2]()
    assert again.losses == whole.losses


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    _, _, run = small_run(checkpoint=tmp_path / "file" / "run.ckpt")
    with pytest.raises(OSError, match="is no folder that you may write to"):
        run()


def test_what_is_asked_for_on_errors_is_checked(tmp_path):
    _, _, run = small_run(checkpoint=tmp_path / "c", on_save_error="ignore")
    with pytest.raises(ValueError, match="on_save_error: expected 'stop' or 'go on'"):
        run()


# --- devices and precision --------------------------------------------------------


def test_devices_as_an_argument_give_what_one_gives():
    losses = {}
    for devices in (None, [mx.cpu(0), mx.cpu(1)], [mx.cpu(0), mx.cpu(1), mx.cpu(2)]):
        train_iter, _ = load_fashion_mnist(50, train_size=130, seed=3)
        seed_everything(3)
        net = nin_classroom(widths=(8, 8, 8), batch_norm=False)
        net.initialize(init.MSRAPrelu("in", 0))
        history = fit(net, train_iter, num_epochs=2, lr=0.02, devices=devices)
        where = net[0][0].weight.list_ctx()
        assert where == (devices or [mx.cpu()])
        losses[len(where)] = history.losses
    numpy.testing.assert_allclose(losses[2], losses[1], rtol=1e-4)
    numpy.testing.assert_allclose(losses[3], losses[1], rtol=1e-4)


def test_images_are_fed_in_the_precision_of_the_net():
    """In float64: a CPU has no products in float16."""
    losses = {}
    for dtype in ("float32", "float64"):
        train_iter, test_iter = load_fashion_mnist(50, train_size=130, seed=3)
        test_iter.images, test_iter.labels = train_iter.images, train_iter.labels
        seed_everything(3)
        net = nin_classroom(widths=(8, 8, 8), batch_norm=False)
        net.initialize(init.MSRAPrelu("in", 0))
        net(mx.np.zeros((1, 1, 28, 28)))
        net.cast(dtype)
        losses[dtype] = fit(net, train_iter, test_iter, num_epochs=2, lr=0.02).losses
        assert net[0][0].weight.dtype == numpy.dtype(dtype)
    numpy.testing.assert_allclose(losses["float64"], losses["float32"], rtol=1e-4)


@pytest.mark.parametrize(
    ("devices", "error", "message"),
    [
        (mx.cpu(), TypeError, "expected a list such as"),
        ([], TypeError, "expected a list such as"),
        (["cpu"], TypeError, "expected contexts, got 'cpu'"),
        ([mx.cpu(0), mx.cpu(0)], ValueError, "expected each once"),
        ([mx.gpu(0)], ValueError, "does not compute"),
    ],
)
def test_devices_that_are_none_are_told(devices, error, message):
    if devices == [mx.gpu(0)] and mx.context.num_gpus():
        pytest.skip("there is a GPU here")
    _, _, run = small_run(devices=devices)
    with pytest.raises(error, match=message):
        run()
