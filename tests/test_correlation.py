"""Cross-correlation by hand against Gluon; a 1×1 convolution under its many names."""

import pytest
from mxnet import np, npx
from mxnet.gluon import nn
from numpy.testing import assert_allclose

from d2l_nin.correlation import (
    corr2d,
    corr2d_multi_in,
    corr2d_multi_in_out,
    corr2d_multi_in_out_1x1,
)
from d2l_nin.layers import Conv2D
from d2l_nin.runtime import seed_everything


def assert_close(a, b):
    assert_allclose(a.asnumpy(), b.asnumpy(), atol=1e-5)


def gluon_conv(X, K, bias=None, **options):
    conv = Conv2D(len(K), K.shape[2:], **options)
    conv.initialize()
    conv(X[None])
    conv.weight.set_data(K)
    if bias is not None:
        conv.bias.set_data(bias)
    return conv(X[None])[0]


def test_one_channel_by_hand():
    X = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    K = np.array([[0, 1], [2, 3]])  # the example of d2l, section 7.2
    assert corr2d(X, K).tolist() == [[19, 25], [37, 43]]


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 4), (5, 1)])
def test_many_channels_are_gluon_s(kernel):
    seed_everything(0)
    X, K = np.random.normal(size=(3, 6, 7)), np.random.normal(size=(4, 3, *kernel))
    by_hand = corr2d_multi_in_out(X, K)
    assert by_hand.shape == (4, 7 - kernel[0], 8 - kernel[1])
    assert_close(by_hand, gluon_conv(X, K))


def test_a_1x1_convolution_is_a_dense_layer_at_every_pixel():
    seed_everything(1)
    X, K = np.random.normal(size=(5, 4, 6)), np.random.normal(size=(3, 5, 1, 1))
    Y = corr2d_multi_in_out_1x1(X, K)
    assert_close(Y, gluon_conv(X, K))
    assert_close(Y, corr2d_multi_in_out(X, K))
    dense = nn.Dense(3, flatten=False, in_units=5, use_bias=False)
    dense.initialize()
    dense.weight.set_data(K.reshape(3, 5))
    by_dense = dense(X.transpose(1, 2, 0)).transpose(2, 0, 1)
    assert_close(Y, by_dense)


def test_the_mean_and_a_1x1_convolution_change_places_without_relu_only():
    seed_everything(2)
    X, K = np.random.normal(size=(5, 4, 6)), np.random.normal(size=(3, 5, 1, 1))
    mean = X.mean(axis=(1, 2), keepdims=True)
    first, last = corr2d_multi_in_out_1x1(mean, K), corr2d_multi_in_out_1x1(X, K)
    assert_close(first.reshape(3), last.mean(axis=(1, 2)))
    apart = npx.relu(first).reshape(3) - npx.relu(last).mean(axis=(1, 2))
    assert float(np.abs(apart).max()) > 0.05


def test_padding_on_a_1x1_convolution_gives_a_border_of_bias():
    X, K = np.ones((2, 3, 3)), np.ones((1, 2, 1, 1))
    Y = gluon_conv(X, K, bias=np.array([7.0]), padding=1)[0].asnumpy()
    assert Y.shape == (5, 5)
    assert (Y[1:-1, 1:-1] == 9).all()
    Y[1:-1, 1:-1] = 7
    assert (Y == 7).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: corr2d(np.ones((2, 2)), np.ones((3, 2))), "at most 2×2, .* got 3×2"),
        (
            lambda: corr2d_multi_in(np.ones((2, 4, 4)), np.ones((3, 2, 2))),
            "expected 2 channels, as X has, got 3",
        ),
        (
            lambda: corr2d_multi_in_out_1x1(np.ones((2, 4, 4)), np.ones((3, 2, 2, 2))),
            r"expected shape \(D, 2, 1, 1\), got \(3, 2, 2, 2\)",
        ),
        (
            lambda: corr2d_multi_in_out_1x1(np.ones((2, 4, 4)), np.ones((3, 1, 1, 1))),
            r"expected shape \(D, 2, 1, 1\), got \(3, 1, 1, 1\)",
        ),
    ],
)
def test_what_does_not_fit_is_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()
