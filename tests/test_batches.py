"""Batches of every usual kind, converted where nothing is doubtful, else refused."""

import mxnet as mx
import numpy
import pytest
from mxnet import gluon, np

from d2l_nin.datasets import ArrayIter, as_batch, as_labels, read_fashion_mnist

IMAGES, LABELS = (part[:6] for part in read_fashion_mnist()[1])
EXPECTED = IMAGES[:, None] / numpy.float32(255)


@pytest.mark.parametrize(
    "X",
    [
        IMAGES,
        IMAGES[..., None],
        IMAGES[:, None],
        np.array(IMAGES[..., None], dtype="uint8"),
        mx.nd.array(IMAGES[..., None], dtype="uint8"),
        EXPECTED,
        EXPECTED.astype("float64"),
        mx.nd.array(EXPECTED),
        np.array(EXPECTED),
    ],
    ids=["NHW", "NHWC", "NCHW", "np NHWC", "nd NHWC", "0…1", "float64", "nd", "np"],
)
@pytest.mark.parametrize(
    "y",
    [
        LABELS,
        LABELS.tolist(),
        tuple(LABELS),
        LABELS[:, None],
        mx.nd.array(LABELS, dtype="int32"),
        np.array(LABELS, dtype="int32"),
        np.array(LABELS, dtype="float32"),
    ],
    ids=["bytes", "list", "tuple", "N×1", "nd", "np", "float"],
)
def test_what_is_unambiguous_becomes_one_form(X, y):
    X, y = as_batch(X, y)
    assert type(X) is type(y) is np.ndarray
    assert X.dtype == numpy.float32 and X.shape == (6, 1, 28, 28)
    numpy.testing.assert_allclose(X.asnumpy(), EXPECTED, atol=1e-7)
    assert y.shape == (6,) and (y.asnumpy() == LABELS).all()


def test_what_has_the_form_is_handed_on_as_it_is():
    X, y = np.array(EXPECTED), np.array(LABELS, dtype="int32")
    for one, same in zip(as_batch(X, y), (X, y)):
        assert one is same
    one_hot = np.eye(10)[y]
    assert as_batch(X, one_hot)[1] is one_hot


def test_gluon_s_own_data_set_gives_the_course_s_batches():
    """Bytes, channels last, labels of int32: what `vision.FashionMNIST` holds."""
    data = gluon.data.ArrayDataset(
        np.array(IMAGES[..., None], dtype="uint8"), LABELS.astype("int32")
    )
    X, _ = as_batch(*next(iter(gluon.data.DataLoader(data, 6))))
    numpy.testing.assert_allclose(X.asnumpy(), EXPECTED, atol=1e-7)
    with pytest.raises(ValueError, match="DataLoader makes batches"):
        as_batch(*data[0])


def test_texts_are_numbered_by_the_classes():
    assert as_labels(["b", "a"], ("a", "b")).tolist() == [1, 0]
    named = ArrayIter(IMAGES[:2], ["bag", "coat"], 2)
    assert named.labels.tolist() == [8, 4]


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (EXPECTED.transpose(0, 2, 3, 1), LABELS, ValueError, "are the channels last"),
        (EXPECTED.tolist(), LABELS, TypeError, "X: expected an mxnet.np array"),
        (None, LABELS, TypeError, "got builtins.NoneType"),
        (numpy.array(["a"] * 6), LABELS, TypeError, "X: expected numbers"),
        (EXPECTED[:5], LABELS, ValueError, "as many images as labels"),
        (EXPECTED, None, TypeError, "labels: expected an array or a list"),
        (EXPECTED, ["bag"] * 6, ValueError, "got the text 'bag'. Number them"),
        (EXPECTED, [[1, 2], [3]], TypeError, "labels: expected"),
        (EXPECTED, [None] * 6, TypeError, "labels: expected whole numbers, got object"),
        (EXPECTED, 3, TypeError, "got builtins.int"),
    ],
)
def test_the_rest_is_refused_by_name(X, y, error, message):
    with pytest.raises(error) as told:
        as_batch(X, y)
    assert message in str(told.value)


@pytest.mark.parametrize(
    "images", [IMAGES[..., None], IMAGES[:, None], mx.nd.array(IMAGES, dtype="uint8")]
)
def test_array_iter_takes_an_axis_for_the_channel_and_lists(images):
    X, y = next(iter(ArrayIter(images, LABELS.tolist(), 6)))
    numpy.testing.assert_allclose(X.asnumpy(), EXPECTED, atol=1e-7)
    assert (y.asnumpy() == LABELS).all()


@pytest.mark.parametrize(
    ("images", "labels", "error", "message"),
    [
        (numpy.zeros((6, 8, 8, 3), "uint8"), LABELS, ValueError, "colours grey first"),
        (EXPECTED, LABELS, TypeError, "images: expected bytes"),
        (IMAGES, ["hat"] * 6, ValueError, "one of t-shirt, "),
        (IMAGES, "bag", TypeError, "labels: expected an array or a list"),
    ],
)
def test_array_iter_refuses_the_rest(images, labels, error, message):
    with pytest.raises(error) as told:
        ArrayIter(images, labels, 2)
    assert message in str(told.value)
