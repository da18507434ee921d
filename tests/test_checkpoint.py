"""Checkpoints: whole or refused; resumed runs the same to the bit; no pickle."""

import hashlib
import io
import json
import os
import warnings

import numpy
import pytest
from mxnet import init, np

from d2l_nin import checkpoint, training
from d2l_nin.checkpoint import DamagedCheckpoint, load, load_newest, previous_of, save
from d2l_nin.datasets import load_fashion_mnist, random_shift
from d2l_nin.nin import nin_classroom
from d2l_nin.runtime import seed_everything
from d2l_nin.training import fit, fit_cached

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
    for name in ("run [1].ckpt.123.partial", "run 1.ckpt.123.partial"):
        (tmp_path / name).write_bytes(b"half")
    save(path, ARRAYS, {})
    assert sorted(os.listdir(tmp_path)) == ["run 1.ckpt.123.partial", "run [1].ckpt"]


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
    import mxnet as mx

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


def test_where_outcomes_are_kept(monkeypatch):
    monkeypatch.delenv("D2L_NIN_CACHE", raising=False)
    assert training.cache_folder().parts[-2:] == ("build", "cache")


def test_chapter_03_takes_over_the_run_of_chapter_02():
    """Their cells differ in what `refresh` says and in nothing else."""
    from tests.rules import code_cells
    from tests.test_notebooks import PATHS, read

    cells = {}
    for path in PATHS:
        for cell in code_cells(read(path)):
            if "def train_classroom" in cell.source:
                cells[path.name[:2]] = cell.source.split("\n\n\n")[0]
    words = cells["02"].replace("refresh=True,", "").split()
    assert words == cells["03"].split()


def test_arrays_of_mxnet_come_back_as_they_were(tmp_path):
    X = np.random.normal(size=(3, 4))
    save(tmp_path / "run.ckpt", {"X": X.asnumpy()}, {})
    assert (load(tmp_path / "run.ckpt")[0]["X"] == X.asnumpy()).all()
