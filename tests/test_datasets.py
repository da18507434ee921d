"""The data as published, every way a file can be wrong, and batches that repeat."""

import gzip
import json
import shutil
import tracemalloc
from functools import partial

import mxnet as mx
import numpy
import pytest

from d2l_nin.datasets import (
    FASHION_MNIST_LABELS,
    ArrayIter,
    Batching,
    fashion_mnist,
    load_fashion_mnist,
    random_crop,
    random_flip,
    random_shift,
    read_fashion_mnist,
    resize_images,
    shift_images,
    text_labels,
)


def test_all_images_are_there():
    (X, y), (X_test, y_test) = read_fashion_mnist()
    assert X.shape == (60_000, 28, 28) and X_test.shape == (10_000, 28, 28)
    assert X.dtype == y.dtype == numpy.uint8
    assert (numpy.bincount(y) == 6000).all() and (numpy.bincount(y_test) == 1000).all()
    assert text_labels([0, 9]) == ["t-shirt", "ankle boot"]
    with pytest.raises(ValueError, match="expected labels 0…9, got 10"):
        text_labels([10])


def test_read_once_a_process():
    assert read_fashion_mnist()[0][0] is read_fashion_mnist()[0][0]


# --- files in a folder ----------------------------------------------------------


def idx(array):
    """The bytes of an IDX file."""
    sizes = [0x800 + array.ndim, *array.shape]
    return b"".join(n.to_bytes(4, "big") for n in sizes) + array.tobytes()


@pytest.fixture()
def folder(tmp_path):
    """A small data set as the four usual files, two of them gzipped."""
    (X, y), (X_test, y_test) = read_fashion_mnist()
    for name, array in {
        "train-images-idx3-ubyte": X[:200],
        "train-labels-idx1-ubyte": y[:200],
        "t10k-images-idx3-ubyte": X_test[:50],
        "t10k-labels-idx1-ubyte": y_test[:50],
    }.items():
        if name.startswith("train"):
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (tmp_path / name).write_bytes(idx(array))
    return tmp_path


def test_a_folder_reads_like_the_package(folder):
    (X, y), (X_test, y_test) = read_fashion_mnist(folder)
    (X_all, y_all), (X_test_all, y_test_all) = read_fashion_mnist()
    assert (X_all[:200] == X).all() and (y == y_all[:200]).all()
    assert (X_test == X_test_all[:50]).all() and (y_test == y_test_all[:50]).all()
    train_iter, test_iter = load_fashion_mnist(64, folder=folder)
    assert train_iter.num_samples == 200 and test_iter.num_samples == 50


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dot", ["-", "."])
def test_mnist_s_own_four_files_are_read(tmp_path, monkeypatch, ending, dot):
    """Written here: digits drawn as bars, of every class another number."""
    written = {}
    for split, count in (("train", 120), ("t10k", 30)):
        labels = (numpy.arange(count) ** 2 % 10).astype(numpy.uint8)
        images = numpy.zeros((count, 28, 28), numpy.uint8)
        images[numpy.arange(count), :, labels] = 255
        written[split] = images, labels
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            raw = idx(array)
            name = f"{split}-{kind.replace('-', dot)}-ubyte{ending}"
            (tmp_path / name).write_bytes(gzip.compress(raw) if ending else raw)
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    in_home = f"~/{tmp_path.name}"
    train_iter, test_iter = load_fashion_mnist(50, folder=in_home)
    for data_iter, split in ((train_iter, "train"), (test_iter, "t10k")):
        assert data_iter.classes == tuple("0123456789")
        assert (data_iter.images == written[split][0]).all()
        assert (data_iter.labels == written[split][1]).all()
    X, _ = next(iter(train_iter))
    assert X.shape == (50, 1, 28, 28) and float(X.max()) == 1


def test_fashion_mnist_in_a_folder_keeps_its_names():
    (_, y), _ = read_fashion_mnist()
    assert fashion_mnist.class_names(y) == FASHION_MNIST_LABELS
    assert load_fashion_mnist(64)[0].classes == FASHION_MNIST_LABELS


def truncate(path):
    path.write_bytes(path.read_bytes()[:-5])


def flip_bit(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0x10
    path.write_bytes(bytes(raw))


def drop_one_label(path):
    labels = numpy.frombuffer(path.read_bytes(), numpy.uint8, offset=8)
    path.write_bytes(idx(labels[:-1]))


def bad_label(path):
    raw = bytearray(path.read_bytes())
    raw[8 + 3] = 77
    path.write_bytes(bytes(raw))


def small_images(path):
    path.write_bytes(idx(numpy.zeros((50, 20, 20), numpy.uint8)))


@pytest.mark.parametrize(
    ("name", "harm", "error", "message"),
    [
        ("t10k-labels-idx1-ubyte", lambda p: p.unlink(), FileNotFoundError, "neither"),
        ("t10k-images-idx3-ubyte", truncate, ValueError, "found 39,195"),
        ("train-images-idx3-ubyte.gz", truncate, ValueError, "not a whole gzip file"),
        ("train-images-idx3-ubyte.gz", flip_bit, ValueError, "not a whole gzip file"),
        (
            "t10k-images-idx3-ubyte",
            lambda p: shutil.copy(p.with_name("t10k-labels-idx1-ubyte"), p),
            ValueError,
            "expected the IDX magic number 2051 (images), found 2049",
        ),
        ("t10k-labels-idx1-ubyte", drop_one_label, ValueError, "49 labels for 50"),
        ("t10k-labels-idx1-ubyte", bad_label, ValueError, "found 77 at position 3"),
        (
            "t10k-labels-idx1-ubyte",
            lambda p: p.write_bytes(b"\0\0"),
            ValueError,
            "expected a header of 8 bytes, found 2",
        ),
        (
            "t10k-images-idx3-ubyte",
            small_images,
            ValueError,
            "expected images of 28×28",
        ),
    ],
)
def test_harmed_files_are_told(folder, name, harm, error, message):
    harm(folder / name)
    with pytest.raises(error) as told:
        read_fashion_mnist(folder)
    assert message in str(told.value)
    assert str(folder) in str(told.value), "the message does not name the file"


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        load_fashion_mnist(64, folder=tmp_path / "nowhere")


@pytest.mark.parametrize("position", [0.2, 0.5, 0.9])
def test_the_shipped_archive_is_verified(tmp_path, monkeypatch, position):
    harmed = tmp_path / "fashion-mnist.zip"
    raw = bytearray(fashion_mnist.SHIPPED.read_bytes())
    raw[int(len(raw) * position)] ^= 1
    harmed.write_bytes(bytes(raw))
    monkeypatch.setattr(fashion_mnist, "SHIPPED", harmed)
    monkeypatch.setattr(fashion_mnist, "_shipped", None)
    with pytest.raises(ValueError, match="Install the package again"):
        read_fashion_mnist()


def test_wrong_bytes_in_a_sound_archive_are_told(tmp_path, monkeypatch):
    import lzma
    import zipfile

    other = tmp_path / "fashion-mnist.zip"
    with zipfile.ZipFile(other, "w") as archive:
        for name in fashion_mnist.SHA256:
            archive.writestr(f"{name}.xz", lzma.compress(b"something else"))
    monkeypatch.setattr(fashion_mnist, "SHIPPED", other)
    monkeypatch.setattr(fashion_mnist, "_shipped", None)
    with pytest.raises(ValueError, match=r"has SHA-256 .*expected"):
        read_fashion_mnist()


def test_a_missing_archive_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "SHIPPED", tmp_path / "gone.zip")
    monkeypatch.setattr(fashion_mnist, "_shipped", None)
    with pytest.raises(FileNotFoundError, match="Install the package again"):
        read_fashion_mnist()


# --- batches --------------------------------------------------------------------


def batches(data_iter):
    return [(X.asnumpy(), y.asnumpy()) for X, y in data_iter]


def test_shapes_ranges_and_the_last_batch():
    train_iter, test_iter = load_fashion_mnist(128, train_size=1000)
    sizes = [len(y) for _, y in train_iter]
    assert sizes == [128] * 7 + [104] and len(train_iter) == 8
    X, y = next(iter(train_iter))
    assert X.shape == (128, 1, 28, 28) and X.dtype == numpy.float32
    assert y.shape == (128,) and y.dtype == numpy.int32
    assert X.min() >= 0 and 0.9 < X.max() <= 1
    assert sum(len(y) for _, y in test_iter) == 10_000


def test_every_sample_once_an_epoch():
    images = (
        numpy.arange(50, dtype=numpy.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    )
    data_iter = ArrayIter(images, numpy.arange(50) % 10, 8, shuffle=True)
    for _ in range(3):
        seen = numpy.concatenate([X[:, 0, 0, 0] for X, _ in batches(data_iter)])
        assert sorted((seen * 255).round().astype(int)) == list(range(50))


def test_order_is_fixed_by_the_seed_and_new_each_epoch():
    def orders(seed):
        train_iter, _ = load_fashion_mnist(100, train_size=500, seed=seed)
        return [numpy.concatenate([y for _, y in batches(train_iter)]) for _ in "ab"]

    first, second = orders(3)
    assert (orders(3)[0] == first).all() and (orders(3)[1] == second).all()
    assert (first != second).any()
    assert (orders(4)[0] != first).any()


def test_an_epoch_can_be_repeated():
    train_iter, _ = load_fashion_mnist(
        64,
        train_size=200,
        augment=lambda X, rng: random_shift(random_flip(X, rng), rng),
    )
    first = batches(train_iter)
    other = batches(train_iter)
    train_iter.epoch = 0
    again = batches(train_iter)
    assert all((a[0] == b[0]).all() for a, b in zip(first, again))
    assert any((a[0] != b[0]).any() for a, b in zip(first, other))


@pytest.mark.parametrize("train_size", [10, 25, 1000])
def test_a_part_is_class_balanced(train_size):
    train_iter, _ = load_fashion_mnist(100, train_size=train_size)
    counts = numpy.bincount(train_iter.labels, minlength=10)
    assert counts.sum() == train_size and counts.max() - counts.min() <= 1


def test_validation_is_balanced_disjoint_and_always_the_same():
    def held_out(**options):
        train_iter, _, valid_iter = load_fashion_mnist(100, validation=2000, **options)
        return train_iter, valid_iter

    train_iter, valid_iter = held_out(seed=1)
    assert (numpy.bincount(valid_iter.labels) == 200).all()
    assert train_iter.num_samples == 58_000
    for options in ({"seed": 2}, {"seed": 1, "train_size": 500}):
        assert (held_out(**options)[1].images == valid_iter.images).all()
    # Fashion-MNIST holds some images twice; positions can't be compared, hashes can.
    taken = sum(bytes(a) in {bytes(b) for b in valid_iter.images} for a in
                held_out(seed=1, train_size=2000)[0].images)  # fmt: skip
    assert taken <= 5


def test_only_bytes_are_kept_in_memory():
    """No float copy of the set: an epoch needs room for a few batches only."""
    train_iter, _ = load_fashion_mnist(128)
    tracemalloc.start()
    for X, _ in train_iter:
        X.wait_to_read()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * 2**20  # all as float32: 188 MB
    assert train_iter.images is read_fashion_mnist()[0][0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size: expected at least 1, got 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size: expected an integer, got 2.5"),
        ({"train_size": 0}, ValueError, "train_size: expected at least 1"),
        ({"train_size": 60_001}, ValueError, "only 60,000"),
        ({"train_size": 59_000, "validation": 2000}, ValueError, "Ask for fewer"),
        ({"validation": 60_000}, ValueError, "only 60,000"),
        ({"validation": -1}, ValueError, "validation: expected at least 0"),
        ({"seed": -1}, ValueError, "seed: expected at least 0"),
        ({"test_batch_size": 0}, ValueError, "test_batch_size: expected at least 1"),
    ],
)
def test_impossible_numbers_are_told(options, error, message):
    with pytest.raises(error) as told:
        load_fashion_mnist(**{"batch_size": 64, **options})
    assert message in str(told.value)


BYTES = numpy.zeros((6, 28, 28), numpy.uint8)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size: expected at least 1, got 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size: expected an integer, got 2.5"),
        ({"seed": -1}, ValueError, "seed: expected at least 0, got -1"),
        ({"suffle": True}, TypeError, "unexpected keyword argument 'suffle'"),
        ({"batch_size": Batching(4), "seed": 1}, TypeError, "has them, got seed"),
        ({"resize": 0}, ValueError, "resize: expected at least 1, got 0"),
        ({"resize": (32, 3.5)}, TypeError, "resize: expected an integer, got 3.5"),
        ({"resize": (1, 2, 3)}, ValueError, "or (height, width), got (1, 2, 3)"),
        ({"labels": [1, 2]}, ValueError, "for each image, shape (6,), got (2,)"),
        ({"images": BYTES[0]}, ValueError, "shape (N, H, W), got (28, 28)"),
        ({"images": BYTES / 255}, TypeError, "expected bytes (numpy.uint8) from 0"),
    ],
)
def test_arrays_and_numbers_that_make_no_batches_are_told(options, error, message):
    with pytest.raises(error) as told:
        ArrayIter(
            **{"images": BYTES, "labels": numpy.arange(6), "batch_size": 4, **options}
        )
    assert message in str(told.value)


def test_numbers_of_numpy_and_views_will_do():
    X = numpy.random.default_rng(0).integers(0, 256, (6, 28, 28), numpy.uint8)
    two = numpy.int64(2)
    mirrored = ArrayIter(X[:, ::-1], numpy.arange(6)[::-1], two, resize=16 * two)
    (batch, y), *_ = batches(mirrored)
    assert batch.shape == (2, 1, 32, 32) and list(y) == [5, 4]
    copied = ArrayIter(X[:, ::-1].copy(), numpy.arange(6)[::-1].copy(), 2, resize=32)
    assert json.dumps(mirrored.identity()) == json.dumps(copied.identity())


def identity_with(augment):
    return ArrayIter(BYTES, numpy.arange(6), 4, augment=augment).identity()


def test_other_augmentation_is_other_data():
    def edited(number):
        source = f"def vary(X, rng, by=1):\n    return X + {number} * by"
        names = {}
        exec(source, names)
        return names["vary"]

    def closed_over(number):
        return lambda X, rng: X + number

    different = [
        None, random_flip, random_shift, partial(random_shift, max_shift=3),
        partial(random_shift, max_shift=4), lambda X, rng: X, lambda X, rng: X + 1,
        edited(2), edited(3), closed_over(2), closed_over(3),
    ]  # fmt: skip
    digests = [identity_with(augment)["augment"] for augment in different]
    assert len(set(digests)) == len(different)
    assert identity_with(edited(2)) == identity_with(edited(2))
    assert identity_with(closed_over(2)) == identity_with(closed_over(2))


# --- whole arrays ---------------------------------------------------------------


@pytest.mark.parametrize("size", [20, 28, 40, 96, 224])
def test_resize_is_opencv_s(size):
    X = read_fashion_mnist()[0][0][:6]
    expected = [
        mx.image.imresize(
            mx.np.array(x[..., None], dtype="uint8"), size, size, interp=1
        ).asnumpy()[..., 0]
        for x in X
    ]
    # OpenCV rounds to whole grey values, and computes with 11 bits.
    assert numpy.abs(resize_images(X, size) - expected).max() < 1.0


def test_resize_in_two_sizes_and_one_pixel():
    X = numpy.random.default_rng(0).random((2, 5, 7)).astype(numpy.float32)
    assert resize_images(X, (10, 3)).shape == (2, 10, 3)
    assert (resize_images(X, (5, 7)) == X).all()
    assert (resize_images(X[:, :1, :1], 4) == X[:, :1, :1]).all()
    with pytest.raises(ValueError, match="size: expected at least 1, got 0"):
        resize_images(X, 0)


def test_load_resizes():
    train_iter, _ = load_fashion_mnist(8, resize=96, train_size=20)
    X, _ = next(iter(train_iter))
    assert X.shape == (8, 1, 96, 96) and X.max() <= 1.0001


def test_flips_and_shifts_move_pixels_and_nothing_else():
    rng = numpy.random.default_rng(0)
    X = read_fashion_mnist()[0][0][:64]
    flipped = random_flip(X, rng)
    kinds = [(a == b).all() or (a == b[:, ::-1]).all() for a, b in zip(X, flipped)]
    assert all(kinds) and (flipped != X).any()
    padded = numpy.zeros((64, 32, 32), numpy.uint8)
    padded[:, 2:-2, 2:-2] = X
    shifted = random_shift(X, rng, max_shift=2)
    found = [
        any((padded[n, i : i + 28, j : j + 28] == shifted[n]).all()
            for i in range(5) for j in range(5))
        for n in range(64)
    ]  # fmt: skip
    assert all(found) and (shifted != X).any()


def test_crops_are_windows_of_the_image():
    X = read_fashion_mnist()[0][0][:64]
    cropped = random_crop(X, numpy.random.default_rng(0), size=24)
    assert cropped.shape == (64, 24, 24)
    corners = {
        n: [(i, j) for i in range(5) for j in range(5)
            if (X[n, i : i + 24, j : j + 24] == cropped[n]).all()]
        for n in range(64)
    }  # fmt: skip
    assert all(corners.values())
    assert len({places[0] for places in corners.values()}) > 10, "anywhere"
    again = random_crop(X, numpy.random.default_rng(0), size=24)
    numpy.testing.assert_array_equal(cropped, again)
    numpy.testing.assert_array_equal(random_crop(X, numpy.random.default_rng(0), 28), X)
    for size in (0, 29):
        with pytest.raises(ValueError, match="expected 1 to 28 for 28×28"):
            random_crop(X, numpy.random.default_rng(0), size)


def test_labels_are_the_published_ones():
    assert len(set(FASHION_MNIST_LABELS)) == 10


@pytest.mark.parametrize("margin", [0, 3, 8])
@pytest.mark.parametrize(("down", "right"), [(0, 0), (8, 0), (0, -5), (-3, 8)])
def test_a_margin_keeps_what_a_shift_would_lose(down, right, margin):
    X = numpy.random.default_rng(0).integers(1, 255, (4, 28, 28)).astype(numpy.uint8)
    moved = shift_images(X, down, right, margin)
    assert moved.shape == (4, 28 + 2 * margin, 28 + 2 * margin)
    expected = numpy.zeros_like(moved)
    for i in range(28):
        for j in range(28):
            row, column = i + margin + down, j + margin + right
            if 0 <= row < len(moved[0]) and 0 <= column < len(moved[0]):
                expected[:, row, column] = X[:, i, j]
    assert (moved == expected).all()
    whole = moved.sum() == X.sum()
    assert whole == (margin >= max(abs(down), abs(right)))
