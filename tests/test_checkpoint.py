"""Checkpoints: whole or refused; resumed runs the same to the bit; no pickle."""

import contextlib
import hashlib
import importlib
import io
import json
import math
import os
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import mxnet as mx
import numpy
import pytest
from mxnet import autograd, init, np
from mxnet.gluon import Block, HybridBlock, nn

from d2l_nin import checkpoint, training
from d2l_nin.cache import description
from d2l_nin.checkpoint import DamagedCheckpoint, load, load_newest, previous_of, save
from d2l_nin.datasets import ArrayIter, load_fashion_mnist, random_shift
from d2l_nin.layers import HybridSequential
from d2l_nin.nin import nin_classroom
from d2l_nin.resnet import ResidualBlock
from d2l_nin.runtime import seed_everything
from d2l_nin.training import evaluate_accuracy, fit, fit_cached
from d2l_nin.training.kept import _key_of_run
from d2l_nin.training.loop import parted
from d2l_nin.training.resume import identities

ARRAYS = {"a.weight": numpy.arange(6.0).reshape(2, 3), "b": numpy.float32([1, 2])}


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "deeper" / "run.ckpt"
    save(path, ARRAYS, {"step": 3, "loss": 0.1 + 0.2})
    arrays, record = load(path)
    assert record == {"step": 3, "loss": 0.1 + 0.2}
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        numpy.testing.assert_array_equal(arrays[name], array)
    assert os.listdir(path.parent) == ["run.ckpt"], "nothing else is left behind"


def test_the_one_before_is_kept(tmp_path):
    path = tmp_path / "run.ckpt"
    for step in (1, 2, 3):
        save(path, ARRAYS, {"step": step})
    assert load(path)[1] == {"step": 3}
    assert load(previous_of(path))[1] == {"step": 2}


def test_what_a_killed_process_left_is_removed(tmp_path):
    path = tmp_path / "run [1].ckpt"
    dead = subprocess.Popen(["true"])
    dead.wait()
    left, of_another = f"run [1].ckpt.{dead.pid}.partial", "run 1.ckpt.0.partial"
    written = f"run [1].ckpt.{os.getppid()}.partial"  # by a process that runs
    for name in (left, of_another, written):
        (tmp_path / name).write_bytes(b"half")
    save(path, ARRAYS, {})
    assert set(os.listdir(tmp_path)) == {of_another, written, "run [1].ckpt"}


def test_another_process_moves_the_old_one_meanwhile(tmp_path, monkeypatch):
    path, is_whole = tmp_path / "run.ckpt", checkpoint._is_whole
    save(path, ARRAYS, {"step": 1})

    def move_once_seen(path):
        whole = is_whole(path)
        path.replace(previous_of(path))
        return whole

    monkeypatch.setattr(checkpoint, "_is_whole", move_once_seen)
    save(path, ARRAYS, {"step": 2})
    assert load(path)[1] == {"step": 2} and load(previous_of(path))[1] == {"step": 1}


SAVE_OFTEN = """
import sys, numpy
from d2l_nin.checkpoint import save
for step in range(60):
    save(sys.argv[1], {"X": numpy.full(1000, step)}, {"step": step})
"""


def test_two_processes_save_and_one_reads(tmp_path):
    path = tmp_path / "run.ckpt"
    save(path, ARRAYS, {"step": 0})
    command = [sys.executable, "-c", SAVE_OFTEN, str(path)]
    writers = [subprocess.Popen(command) for _ in range(2)]
    while any(writer.poll() is None for writer in writers):
        assert load_newest(path) is not None, "there is always a whole one"
        time.sleep(0.002)  # the writers need the cores as well
    assert [writer.returncode for writer in writers] == [0, 0]
    assert load(path)[1] == {"step": 59}
    assert set(os.listdir(tmp_path)) == {"run.ckpt", "run.ckpt.previous"}


DESCRIBE = """
from functools import partial
from d2l_nin.cache import description

class Vary:
    def __init__(self, by): self.by = by
    def __call__(self, X, rng): return X + self.by
    def other(self, X, rng): return X - self.by

def vary(X, rng, *, kinds=frozenset({"a", "b", "c"}), by=1.0):
    def again(n): return X if n in {"d", "e", "f"} else again(n - 1)
    return [again(n) for n in kinds]

def recursive():
    def inner(n): return n and inner(n - 1)
    return inner

for value in (vary, partial(vary, by=2), Vary(1), Vary(2), Vary(1).other, recursive()):
    print(description(value))
"""


def test_functions_are_described_alike_in_every_process():
    said = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", DESCRIBE],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(done.stdout.splitlines())
    assert said[0] == said[1] and len(set(said[0])) == 6
    assert " at 0x" not in "".join(said[0])


def cut(raw):
    return raw[: len(raw) // 2]


def flip_bit(raw):
    position = len(raw) - 200
    return raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (cut, "damaged: its contents have SHA-256"),
        (flip_bit, "damaged: its contents have SHA-256"),
        (lambda raw: b"", "not a checkpoint of this course"),
        (lambda raw: b"PK\x03\x04" + raw, "not a checkpoint of this course"),
    ],
)
def test_harmed_files_are_refused_and_the_one_before_is_used(tmp_path, harm, message):
    path = tmp_path / "run.ckpt"
    save(path, ARRAYS, {"step": 1})
    save(path, ARRAYS, {"step": 2})
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(DamagedCheckpoint, match=message):
        load(path)
    with pytest.warns(UserWarning, match=message):
        _, record = load_newest(path)
    assert record == {"step": 1}
    # The next one takes the place of the harmed file, not of the good one.
    save(path, ARRAYS, {"step": 3})
    assert load(path)[1] == {"step": 3} and load(previous_of(path))[1] == {"step": 1}


def test_no_checkpoint_at_all(tmp_path):
    assert load_newest(tmp_path / "run.ckpt") is None
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "run.ckpt")


def test_objects_are_neither_written_nor_read(tmp_path):
    """A file with a pickle inside, under the right checksum, is not unpickled."""
    path = tmp_path / "run.ckpt"
    objects = numpy.array([{"not": "numbers"}], dtype=object)
    with pytest.raises(TypeError, match="x: expected an array of numbers, got object"):
        save(path, {"x": objects}, {})
    out = io.BytesIO()
    numpy.savez(out, x=objects)
    body = out.getvalue()
    digest = hashlib.sha256(body).hexdigest().encode()
    path.write_bytes(checkpoint._MAGIC + digest + b"\n" + body)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load(path)


def test_a_failed_write_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "run.ckpt"
    save(path, ARRAYS, {"step": 1})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(path, ARRAYS, {"step": 2})
    assert load(path)[1] == {"step": 1}
    assert os.listdir(tmp_path) == ["run.ckpt"]


# --- runs that go on --------------------------------------------------------------


def prepare(seed=0, **options):
    """Everything that is random: order, augmentation, dropout, initial weights."""
    train_iter, _, valid_iter = load_fashion_mnist(
        64, train_size=600, validation=500, seed=seed, augment=random_shift
    )
    seed_everything(seed)
    net = nin_classroom(dropout=0.3, **options)
    net.initialize(init.MSRAPrelu("in", 0))
    return net, train_iter, valid_iter


def bits(net):
    return [p.data().asnumpy().tobytes() for p in net.collect_params().values()]


class Kill(Exception):
    pass


@pytest.fixture(scope="module")
def whole_run():
    net, train_iter, valid_iter = prepare()
    history = fit(net, train_iter, valid_iter, num_epochs=4, lr=0.1)
    return bits(net), history


@pytest.mark.parametrize("last_step", [5, 15, 25, 40])
def test_resumed_is_uninterrupted(tmp_path, whole_run, last_step):
    """Stopped in the first, second, third epoch, and at the last step of all."""
    path = tmp_path / "run.ckpt"

    def stop(step, net):
        if step == last_step:
            raise Kill

    net, *data = prepare()
    with pytest.raises(Kill):
        fit(net, *data, num_epochs=4, lr=0.1, checkpoint=path, on_step=stop)
    net, *data = prepare()
    numpy.random.random(3)  # another random state than the one that was stored
    history = fit(net, *data, num_epochs=4, lr=0.1, checkpoint=path, resume=True)
    expected, uninterrupted = whole_run
    assert bits(net) == expected
    assert history.losses == uninterrupted.losses
    for row, other in zip(history.epochs, uninterrupted.epochs):
        assert {**row, "seconds": 0} == {**other, "seconds": 0}
    assert history.num_samples == uninterrupted.num_samples


def test_a_finished_run_is_loaded(tmp_path, whole_run):
    path = tmp_path / "run.ckpt"
    net, *data = prepare()
    first = fit(net, *data, num_epochs=4, lr=0.1, checkpoint=path)
    assert bits(net) == whole_run[0], "writing checkpoints changes nothing"
    net, *data = prepare(seed=7)  # other images in another order
    with pytest.raises(ValueError, match="checkpoint is of another run: data is"):
        fit(net, *data, num_epochs=4, lr=0.1, checkpoint=path, resume=True)
    net, *data = prepare()
    steps = []
    second = fit(
        net,
        *data,
        num_epochs=4,
        lr=0.1,
        checkpoint=path,
        resume=True,
        on_step=lambda step, net: steps.append(step),
    )
    assert steps == [] and bits(net) == whole_run[0]
    assert second.epochs == first.epochs and second.seconds == first.seconds


@pytest.mark.parametrize(
    ("options", "net_options", "message"),
    [
        ({"lr": 0.2}, {}, r"of another run: lr is 0.1 there and 0.2 here"),
        ({"num_epochs": 5}, {}, r"num_epochs is 4 there and 5 here"),
        ({}, {"head": "dense"}, r"of another net: parameter \S+ is absent there"),
        ({}, {"num_classes": 12}, r"is \(10,\) there and \(12,\) here"),
    ],
)
def test_a_foreign_checkpoint_is_refused(tmp_path, options, net_options, message):
    path = tmp_path / "run.ckpt"
    net, *data = prepare()
    fit(net, data[0], num_epochs=4, lr=0.1, checkpoint=path)
    before = path.read_bytes()
    net, *data = prepare(**net_options)
    settings = {"num_epochs": 4, "lr": 0.1, **options}
    with pytest.raises(ValueError, match=message):
        fit(net, data[0], checkpoint=path, resume=True, **settings)
    assert path.read_bytes() == before, "somebody's run is not written over"


def test_a_test_set_at_fault_does_not_cost_the_epoch(tmp_path):
    """What lies in its later batches is found as it comes, after the epoch."""
    path = tmp_path / "run.ckpt"
    net, train_iter, valid_iter = prepare()
    X, y = next(iter(valid_iter))
    good = [(X[:4], y[:4]), (X[4:], y[4:])]
    bad = [good[0], (X[4:] * numpy.inf, y[4:])]
    options = {"num_epochs": 2, "lr": 0.1, "checkpoint": path}
    with pytest.raises(ValueError, match="finite"):
        fit(net, train_iter, bad, **options)
    net, train_iter, _ = prepare()
    steps = []
    history = fit(
        net, train_iter, good, resume=True,
        on_step=lambda step, net: steps.append(step), **options,
    )  # fmt: skip
    assert steps[0] == len(train_iter) + 1, "the first epoch was kept"
    first, second = (row["test_acc"] for row in history.epochs)
    assert math.isnan(first) and 0 <= second <= 1


def test_a_run_that_goes_on_looks_at_its_data_first(tmp_path):
    path = tmp_path / "run.ckpt"
    net, train_iter, valid_iter = prepare()
    good = [(X, y) for X, y in valid_iter]
    bad = [(X * numpy.inf, y) for X, y in good]
    steps = []

    def stop(step, net):
        steps.append(step)
        if step == len(train_iter) + 1:
            raise Kill

    options = {"num_epochs": 3, "lr": 0.1, "checkpoint": path, "on_step": stop}
    with pytest.raises(Kill):
        fit(net, train_iter, good, **options)
    net, train_iter, _ = prepare()
    steps.clear()
    with pytest.raises(ValueError, match="finite images"):
        fit(net, train_iter, bad, resume=True, **options)
    assert steps == []


def test_resume_needs_a_path():
    net, *data = prepare()
    with pytest.raises(ValueError, match="expected a path as checkpoint"):
        fit(net, *data, resume=True)


def test_history_is_plain_json(tmp_path):
    path = tmp_path / "run.ckpt"
    net, *data = prepare()
    fit(net, *data, num_epochs=1, lr=0.1, checkpoint=path)
    _, record = load(path)
    assert json.loads(json.dumps(record)) == record
    assert set(record["history"]) == set(vars(training.History()))


def test_momentum_and_weights_on_two_devices(tmp_path):
    path = tmp_path / "run.ckpt"
    nets = []
    for stop_at in (None, 15):

        def stop(step, net, stop_at=stop_at):
            if step == stop_at:
                raise Kill

        for resume in (False, True) if stop_at else (False,):
            train_iter, _, _ = load_fashion_mnist(64, train_size=600, validation=500)
            seed_everything(0)
            net = nin_classroom()
            net.initialize(init.MSRAPrelu("in", 0), ctx=[mx.cpu(0), mx.cpu(1)])
            options = {"num_epochs": 2, "lr": 0.1, "checkpoint": path}
            if stop_at and not resume:
                with pytest.raises(Kill):
                    fit(net, train_iter, on_step=stop, **options)
            else:
                fit(net, train_iter, resume=resume, **options)
        nets.append(net)
        path.unlink()
    for one, other in zip(*(net.collect_params().values() for net in nets)):
        for device in (mx.cpu(0), mx.cpu(1)):
            a, b = one.data(device).asnumpy(), other.data(device).asnumpy()
            assert (a == b).all(), one.name


class Weighted(HybridBlock):
    """Four pixels times a weight each: the only net that a CPU has in float16."""

    def __init__(self):
        super().__init__()
        self.weight = self.params.get("weight", shape=(4,), init=init.One())

    def hybrid_forward(self, F, X, weight):
        return F.np.reshape(X, (-1, 4)) * weight


def test_float16_keeps_its_weights_in_float32(tmp_path):
    """A resumed run ends as one without interruption, to the bit."""
    rng = numpy.random.default_rng(0)
    batch = np.array(rng.random((8, 1, 2, 2))), np.array(numpy.arange(8) % 4)
    path, ends = tmp_path / "run.ckpt", []
    for stops in ((None,), (4, None)):
        for stop_at in stops:

            def stop(step, net, stop_at=stop_at):
                if step == stop_at:
                    raise Kill

            net = Weighted()
            net.initialize()
            net.cast("float16")
            options = {"num_epochs": 6, "lr": 0.01, "on_step": stop}
            with contextlib.suppress(Kill):
                fit(net, [batch], checkpoint=path, resume=True, **options)
        ends.append(net.weight.data().asnumpy())
        kept = load(path)[0]
        assert kept["state 0 1"].dtype == numpy.float32
        ends.append(kept["state 0 1"])
        path.unlink()
        previous_of(path).unlink()
    assert ends[0].dtype == numpy.float16 and (ends[0] != 1).any()
    assert (ends[0] == ends[2]).all() and (ends[1] == ends[3]).all()


def test_another_test_set_is_another_run(tmp_path):
    net, train_iter, valid_iter = prepare()
    options = {"num_epochs": 1, "lr": 0.1, "checkpoint": tmp_path / "run.ckpt"}
    fit(net, train_iter, valid_iter, **options)
    net, train_iter, _ = prepare()
    with pytest.raises(ValueError, match=r"test data is \{.*\} there and None here"):
        fit(net, train_iter, resume=True, **options)


# --- outcomes that are kept ---------------------------------------------------------


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_NIN_CACHE", str(tmp_path))
    return tmp_path


def cached(net, data, **options):
    steps = []
    settings = {"num_epochs": 2, "lr": 0.1, **options}
    history = fit_cached(
        "run", net, *data, on_step=lambda step, net: steps.append(step), **settings
    )
    return history, len(steps)


def test_the_same_run_is_trained_once(cache):
    net, *data = prepare()
    first, steps = cached(net, data)
    assert steps == 20
    twin, *data = prepare()
    second, steps = cached(twin, data)
    assert steps == 0 and second.losses == first.losses and bits(net) == bits(twin)
    net, *data = prepare()
    third, steps = cached(net, data, refresh=True)
    assert steps == 20 and third.losses == first.losses


def test_training_from_the_cache_is_training_without(cache):
    net, *data = prepare()
    history, _ = cached(net, data)
    plain, *data = prepare()
    expected = fit(plain, *data, num_epochs=2, lr=0.1)
    assert history.losses == expected.losses and bits(net) == bits(plain)


def test_any_difference_means_training(cache, monkeypatch):
    net, *data = prepare()
    cached(net, data)
    net, *data = prepare(seed=1)  # other weights, other images
    assert cached(net, data)[1] == 20
    net, *data = prepare(seed=1)
    assert cached(net, data, lr=0.05)[1] == 20
    net, *data = prepare(seed=1)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert cached(net, data, lr=0.05)[1] == 20
    kept = {path.name.partition(".")[0] for path in cache.iterdir()}
    assert len(kept) == 1, "one outcome is kept for each name"


class Scale(HybridBlock):
    """A block of a reader's own."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = factor

    def hybrid_forward(self, F, X):
        return X * self.factor


def quick(block=None, augment=None, num_test=4):
    """A run of a moment: (net, train_iter, test_iter)."""
    rng = numpy.random.default_rng(0)
    images = rng.integers(0, 256, (20, 12, 12), numpy.uint8)
    labels = numpy.arange(20) % 10
    train_iter = ArrayIter(images, labels, 10, augment=augment)
    test_iter = ArrayIter(images[:num_test], labels[:num_test], 10)
    seed_everything(0)
    net = HybridSequential()
    net.add(*([block] if block is not None else []))
    net.add(*nin_classroom(widths=(4, 4, 4)))
    net.initialize(init.MSRAPrelu("in", 0))
    return net, train_iter, test_iter


def test_the_test_set_decides_too(cache):
    net, *data = quick(num_test=4)
    _, steps = cached(net, data)
    net, *data = quick(num_test=7)
    other, other_steps = cached(net, data)
    assert steps == other_steps == 4
    assert other.test_acc == evaluate_accuracy(net, data[1])
    net, train_iter, _ = quick()
    third, steps = cached(net, [train_iter])
    assert steps == 4 and "test_acc" not in third.epochs[-1]


def doubled(self, F, X):
    return 2 * X * self.factor


def test_own_code_decides_too(cache, monkeypatch):
    def steps(**options):
        net, *data = quick(**options)
        return cached(net, data)[1]

    assert steps(block=Scale()) == 4
    assert steps(block=Scale()) == 0
    assert steps(block=Scale(1.5)) == 4, "another attribute"
    monkeypatch.setattr(Scale, "hybrid_forward", doubled)
    assert steps(block=Scale(1.5)) == 4, "another method"
    assert steps(block=Scale(1.5)) == 0
    for augment in (lambda X, rng: X, lambda X, rng: X // 2):
        assert steps(augment=augment) == 4, "two lambdas are two functions"
    assert steps(augment=partial(random_shift, max_shift=3)) == 4
    assert steps(augment=partial(random_shift, max_shift=3)) == 0


class Plain:
    def __init__(self, factor):
        self.factor = factor


CLOSURE = """
import numpy
from d2l_nin.cache import description
class Plain:
    def __init__(self, factor): self.factor = factor
def close(plain, rng, draw):
    return lambda X: X * plain.factor + rng.random() + draw()
rng = numpy.random.default_rng(3)
padding = [Plain(i) for i in range(PADDING)]
print(description(close(Plain(2), rng, rng.random)))
"""


def test_functions_that_call_each_other_are_described():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    assert even(4) and description(even) == description(even)
    assert description(even) != description(odd)
    loop = [1]
    loop.append(loop)
    assert description(loop) == "list(1, the value at depth 0)"


def test_no_address_is_in_a_description():
    """The same closure in two processes, at two addresses."""
    texts = [
        subprocess.run(
            [sys.executable, "-c", CLOSURE.replace("PADDING", str(padding))],
            capture_output=True, text=True, check=True,
        ).stdout
        for padding in (0, 5000)
    ]  # fmt: skip
    assert texts[0] == texts[1] and "0x" not in texts[0] and "factor" in texts[0]

    def close(plain):
        return lambda X: X * plain.factor

    assert description(close(Plain(2))) == description(close(Plain(2)))
    assert description(close(Plain(2))) != description(close(Plain(3)))
    drawn = numpy.random.default_rng(3)
    before = description(drawn)
    drawn.random()
    assert description(drawn) != before


@pytest.mark.parametrize(
    ("file", "decides", "block"),
    [
        ("resnet/blocks.py", True, ResidualBlock(1)), ("resnet/blocks.py", False, None),
        ("inception/modules.py", False, None),
    ] + [(file, decides, None) for file, decides in (
        ("layers.py", True), ("training/loop.py", True),
        ("training/objective.py", True),
        ("training/recipe.py", True), ("datasets/batches.py", True),
        ("datasets/transforms.py", True), ("course/slides.py", False),
        ("figures/curves.py", False), ("figures/nets.py", False),
        ("training/progress.py", False), ("environment.py", False),
        ("memory.py", False), ("checkpoint.py", False), ("training/resume.py", True),
        ("checks/ch02.py", False), ("grading/grade.py", False), ("cli.py", False),
    )],
)  # fmt: skip
def test_the_files_that_decide_a_run(monkeypatch, file, decides, block):
    """All rooms are loaded; a file's other bytes count where the run uses it."""
    for room in ("cli", "checks.ch02", "figures.nets", "course.slides", "inception"):
        importlib.import_module(f"d2l_nin.{room}")
    net, *data = quick(block)
    keys, read, edited = [], Path.read_bytes, Path(checkpoint.__file__).parent / file
    assert edited.exists()

    def changed(path):
        return read(path) + (b"# edited" if path == edited else b"")

    for function in (read, changed):
        monkeypatch.setattr(Path, "read_bytes", function)
        parts, told = parted({"num_epochs": 1}), identities(*data)
        keys.append(_key_of_run(net, data, parts, told))
    assert (keys[0] != keys[1]) == decides


def test_data_are_hashed_once_and_the_first_batch_is_not_computed_again(
    cache, monkeypatch
):
    """What is known before the first step costs two samples, not a batch."""
    hashed, seen, identity = [], [], ArrayIter.identity

    class Look(Block):
        def forward(self, X):
            seen.append((autograd.is_training(), len(X)))
            return X

    def counted(self):
        hashed.append(self)
        return identity(self)

    monkeypatch.setattr(ArrayIter, "identity", counted)
    net, train_iter, test_iter = quick()
    with_look = nn.Sequential()
    with_look.add(Look(), net)
    fit_cached("run", with_look, train_iter, test_iter, num_epochs=1)
    assert hashed == [train_iter, test_iter]
    whole = [n for training, n in seen if training]
    before = seen[: seen.index((True, whole[0]))]
    assert [n for _, n in before] == [2, 2, min(10, test_iter.num_samples)]
    hashed.clear()
    fit(net, train_iter, num_epochs=1, checkpoint=cache / "own")
    assert hashed == [train_iter]


def test_a_net_for_batches_of_one_size_is_trained():
    net, train_iter, _ = quick()
    fixed = nn.HybridLambda(lambda F, X: F.np.reshape(X, (10, 1, 12, 12)))
    whole = nn.HybridSequential()
    whole.add(fixed, net)
    assert len(fit(whole, train_iter, num_epochs=1).losses) == len(train_iter)


@pytest.mark.parametrize("word", ["checkpoint", "resume"])
def test_a_kept_run_has_a_file_of_its_own(cache, word):
    net, *data = quick()
    with pytest.raises(TypeError, match=f"no option '{word}'"):
        fit_cached("run", net, *data, **{word: True})


def test_what_decides_nothing_is_the_same_run(cache):
    orders = ({"lr": 0.1, "num_epochs": 1}, {"num_epochs": 1, "lr": 0.1})
    others = ({}, {"progress": False, "on_save_error": "stop"})
    steps = []
    for order, other in zip(orders, others):
        net, *data = quick()
        fit_cached(
            "run", net, *data, on_step=lambda step, net: steps.append(step),
            **order, **other,
        )  # fmt: skip
    assert steps == [1, 2]


def test_numbers_of_numpy_are_the_same_run(cache):
    for expected, numbers in (
        (4, {"num_epochs": numpy.int64(2), "lr": numpy.float32(0.125)}),
        (0, {"num_epochs": 2, "lr": 0.125}),
    ):
        net, *data = quick()
        assert cached(net, data, **numbers)[1] == expected


def test_devices_and_precision_of_a_run_that_is_kept(cache):
    for expected in (4, 0):
        net, *data = quick()
        assert cached(net, data, devices=[mx.cpu(0), mx.cpu(1)])[1] == expected
    for expected in (4, 0):
        net, *data = quick()
        net(np.zeros((1, 1, 12, 12)))
        net.cast("float64")
        assert cached(net, data)[1] == expected


def test_a_disk_that_fills_does_not_stop_training(cache, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    net, *data = quick()
    with pytest.warns(UserWarning, match=r"No space left.*Training goes on"):
        history, steps = cached(net, data)
    assert steps == 4 and len(history.epochs) == 2 and not list(cache.iterdir())


def test_the_random_state_afterwards_is_the_same_from_the_cache(cache):
    drawn = []
    for expected in (4, 0):
        net, *data = quick()
        assert cached(net, data)[1] == expected
        drawn.append((np.random.uniform(), numpy.random.random()))
    assert drawn[0] == drawn[1]


def test_refreshing_leaves_what_another_process_writes(cache):
    net, *data = quick()
    cached(net, data)
    (kept,) = (path for path in cache.iterdir() if path.suffix == ".ckpt")
    written = kept.with_name(f"{kept.name}.{os.getppid()}.partial")
    written.write_bytes(b"half")
    net, *data = quick()
    assert cached(net, data, refresh=True)[1] == 4
    assert written.read_bytes() == b"half" and load(kept)


def test_a_file_that_another_process_removes_meanwhile(cache):
    """As one does that refreshes the same run."""
    net, *data = quick()

    def remove(step, net):
        for path in cache.iterdir():
            path.unlink()

    history = fit_cached("run", net, *data, num_epochs=3, lr=0.1, on_step=remove)
    assert len(history.epochs) == 3
    net, *data = quick()
    assert fit_cached("run", net, *data, num_epochs=3, lr=0.1).losses == history.losses


def test_a_damaged_outcome_means_training(cache):
    net, *data = prepare()
    first, _ = cached(net, data)
    for path in cache.iterdir():
        path.write_bytes(flip_bit(path.read_bytes()))
    twin, *data = prepare()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        second, steps = cached(twin, data)
    assert steps == 20 and second.losses == first.losses and bits(net) == bits(twin)


def test_a_folder_that_can_not_be_written_does_not_stop_training(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("D2L_NIN_CACHE", str(tmp_path / "file" / "cache"))
    net, *data = prepare()
    with pytest.warns(UserWarning, match="The outcome is not kept: .*D2L_NIN_CACHE"):
        _, steps = cached(net, data)
    assert steps == 20


def test_other_names_are_left_alone(cache):
    for name in ("run-2", "runner", "run"):
        net, *data = prepare()
        fit_cached(name, net, *data, num_epochs=1, lr=0.1)
    names = {path.name.rpartition("-")[0] for path in cache.iterdir()}
    assert names == {"run-2", "runner", "run"}


def test_data_that_can_not_be_told_apart_is_told(cache):
    net, *_ = prepare()
    X, y = np.zeros((4, 1, 28, 28)), np.zeros(4)
    with pytest.raises(TypeError, match=r"expected an ArrayIter, .* got list; fit\(\)"):
        fit_cached("run", net, [(X, y)])
    net, train_iter, _ = prepare()
    with pytest.raises(TypeError, match="test_iter: expected an ArrayIter, which can"):
        fit_cached("run", net, train_iter, [(X, y)])


def test_where_outcomes_are_kept(monkeypatch):
    monkeypatch.delenv("D2L_NIN_CACHE", raising=False)
    assert training.cache_folder().parts[-2:] == ("build", "cache")


def test_arrays_of_mxnet_come_back_as_they_were(tmp_path):
    X = np.random.normal(size=(3, 4))
    save(tmp_path / "run.ckpt", {"X": X.asnumpy()}, {})
    assert (load(tmp_path / "run.ckpt")[0]["X"] == X.asnumpy()).all()
