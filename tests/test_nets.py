"""Shapes and counts against the papers, numbers against NumPy, errors in words."""

from functools import partial

import numpy
import pytest
from mxnet import autograd, init, np
from mxnet.gluon import nn

from d2l_nin.baselines import alexnet, alexnet_2012, lenet, vgg
from d2l_nin.cost import summary, widths_for
from d2l_nin.inception import Inception
from d2l_nin.layers import (
    Conv2D,
    Dense,
    HybridSequential,
    MaxPool2D,
    window_output,
)
from d2l_nin.nin import (
    Maxout,
    maxout_block,
    mlpconv,
    nin_block,
    nin_cifar10,
    nin_classroom,
    nin_fashion_mnist,
    nin_imagenet,
)
from d2l_nin.runtime import seed_everything

# net, input (N, C, H, W), parameters, multiply-adds
COUNTS = [
    (lambda: nin_fashion_mnist(), (1, 1, 224, 224), 1_992_166, 762_297_352),
    (lambda: nin_fashion_mnist(ceil_mode=True), (1, 1, 224, 224), 1_992_166, 831.7e6),
    (lambda: nin_fashion_mnist(), (1, 1, 112, 112), 1_992_166, 157.3e6),
    (lambda: nin_imagenet(), (1, 3, 224, 224), 7_595_176, 1.100e9),
    (lambda: nin_imagenet(ceil_mode=False), (1, 3, 224, 224), 7_595_176, 969e6),
    (lambda: nin_cifar10(), (1, 3, 32, 32), 966_986, 222.5e6),
    (lambda: nin_cifar10(ceil_mode=False), (1, 3, 32, 32), 966_986, 200.4e6),
    (lambda: lenet(), (1, 1, 28, 28), 61_706, 0.417e6),
    (lambda: alexnet(), (1, 1, 224, 224), 46_764_746, 938e6),
    (lambda: alexnet_2012(), (1, 3, 227, 227), 60_965_224, 724e6),
    (lambda: vgg(), (1, 1, 224, 224), 128_806_154, 7.55e9),
    (lambda: vgg(1000), (1, 3, 224, 224), 132_863_336, 7.61e9),
    (lambda: vgg(depth=16), (1, 1, 224, 224), 134_300_362, 15.41e9),
    (lambda: vgg(1000, depth=16), (1, 3, 224, 224), 138_357_544, 15.47e9),
]


@pytest.mark.parametrize(("make", "input_shape", "num_params", "macs"), COUNTS)
def test_counts_are_the_published_ones(make, input_shape, num_params, macs):
    table = summary(make(), input_shape)
    assert table.num_params == num_params
    assert table.macs == pytest.approx(macs, rel=2e-3)


def test_classroom_net_counts_by_hand():
    def conv(c_in, c_out, k):
        return c_in * c_out * k * k

    def block(c_in, c, k):
        return conv(c_in, c, k) + 2 * conv(c, c, 1) + 3 * 2 * c

    head = conv(128, 16, 3) + conv(16, 16, 1) + 2 * 2 * 16 + conv(16, 10, 1) + 10
    table = summary(nin_classroom(), (1, 1, 28, 28))
    blocks = block(1, 32, 5) + block(32, 64, 3) + block(64, 128, 3)
    assert table.num_params == blocks + head == 156_234
    assert table.num_state == 2 * (3 * (32 + 64 + 128) + 2 * 16)


def test_classroom_net_of_other_widths():
    channels = [row.shape[1] for row in
                summary(nin_classroom(widths=(8, 16, 24)), (1, 1, 28, 28)).layers
                if row.name.startswith("Conv")]  # fmt: skip
    assert channels == [8] * 3 + [16] * 3 + [24] * 3 + [16, 16, 10]


def heights(net, input_shape):
    rows = summary(net, input_shape).by_block().layers
    keep = [row for row in rows if len(row.shape) == 4 and "Dropout" not in row.name]
    return [row.shape[2] for row in keep]


@pytest.mark.parametrize(
    ("net", "input_shape", "expected"),
    [
        (nin_fashion_mnist(), (1, 1, 224, 224), [54, 26, 26, 12, 12, 5, 5, 1]),
        (nin_imagenet(), (1, 3, 224, 224), [54, 27, 27, 13, 13, 6, 6, 1]),
        (nin_imagenet(), (1, 3, 227, 227), [55, 27, 27, 13, 13, 6, 6, 1]),
        (
            nin_imagenet(ceil_mode=False),
            (1, 3, 227, 227),
            [55, 27, 27, 13, 13, 6, 6, 1],
        ),
        (nin_cifar10(), (1, 3, 32, 32), [32, 16, 16, 8, 8, 1]),
        (nin_cifar10(ceil_mode=False), (1, 3, 32, 32), [32, 15, 15, 7, 7, 1]),
        (nin_classroom(), (1, 1, 28, 28), [14, 7, 7, 3, 3, 3, 1]),
    ],
)
def test_heights(net, input_shape, expected):
    assert heights(net, input_shape) == expected


def test_caffe_table_row_by_row():
    """The released ImageNet model at crop 224: (channels, height, parameters)."""
    rows = [
        (row.shape[1], row.shape[2] if len(row.shape) == 4 else 1, row.num_params)
        for row in summary(nin_imagenet(), (1, 3, 224, 224)).layers
        if not row.name.startswith(("ReLU", "Dropout", "Flatten"))
    ]
    assert rows == [
        (96, 54, 11 * 11 * 3 * 96 + 96),
        (96, 54, 96 * 96 + 96),
        (96, 54, 96 * 96 + 96),
        (96, 27, 0),
        (256, 27, 5 * 5 * 96 * 256 + 256),
        (256, 27, 256 * 256 + 256),
        (256, 27, 256 * 256 + 256),
        (256, 13, 0),
        (384, 13, 3 * 3 * 256 * 384 + 384),
        (384, 13, 384 * 384 + 384),
        (384, 13, 384 * 384 + 384),
        (384, 6, 0),
        (1024, 6, 3 * 3 * 384 * 1024 + 1024),
        (1024, 6, 1024 * 1024 + 1024),
        (1000, 6, 1024 * 1000 + 1000),
        (1000, 1, 0),
    ]


NETS = {
    "classroom": (lambda: nin_classroom(), (3, 1, 28, 28)),
    "classroom, dense": (lambda: nin_classroom(head="dense"), (3, 1, 28, 28)),
    "classroom, maxout": (lambda: nin_classroom(block=maxout_block), (3, 1, 28, 28)),
    "classroom, plain": (
        lambda: nin_classroom(batch_norm=False, last_relu=True, ceil_mode=False),
        (3, 1, 28, 28),
    ),
    "fashion": (lambda: nin_fashion_mnist(), (2, 1, 224, 224)),
    "cifar": (lambda: nin_cifar10(), (2, 3, 32, 32)),
    "imagenet": (lambda: nin_imagenet(), (1, 3, 224, 224)),
    "lenet": (lambda: lenet(), (2, 1, 28, 28)),
}


@pytest.mark.parametrize("name", NETS)
def test_hybridized_and_summarized_as_computed(name):
    make, input_shape = NETS[name]
    seed_everything(1)
    net = make()
    net.initialize(init.Xavier())
    X = np.random.uniform(size=input_shape)
    plain = net(X).asnumpy()
    net.hybridize()
    assert plain.shape == summary(net, input_shape).layers[-1].shape
    assert numpy.isfinite(plain).all()
    numpy.testing.assert_allclose(net(X).asnumpy(), plain, rtol=1e-4, atol=1e-5)
    counted = sum(
        p.data().size for p in net.collect_params().values() if p.grad_req != "null"
    )
    assert counted == summary(net, input_shape).num_params


def by_hand(X, weight, bias, stride, padding):
    """Cross-correlation (C, H, W) with (D, C, k, k), in loops."""
    D, _, k, _ = weight.shape
    X = numpy.pad(X, ((0, 0), (padding, padding), (padding, padding)))
    H, W = ((n - k) // stride + 1 for n in X.shape[1:])
    out = numpy.zeros((D, H, W))
    for d in range(D):
        for i in range(H):
            for j in range(W):
                top, left = i * stride, j * stride
                patch = X[:, top : top + k, left : left + k]
                out[d, i, j] = (patch * weight[d]).sum() + bias[d]
    return out


@pytest.mark.parametrize("last_relu", [True, False])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_block_against_numpy(stride, padding, last_relu):
    seed_everything(2)
    blk = mlpconv((4, 3, 2), 3, stride, padding, batch_norm=False, last_relu=last_relu)
    blk.initialize(init.Normal(0.5))
    X = np.random.normal(size=(1, 2, 8, 7))
    Y = blk(X)
    expected = X[0].asnumpy()
    convs = [layer for layer in blk if isinstance(layer, Conv2D)]
    for i, conv in enumerate(convs):
        weight, bias = conv.weight.data().asnumpy(), conv.bias.data().asnumpy()
        window = (stride, padding) if i == 0 else (1, 0)
        expected = by_hand(expected, weight, bias, *window)
        if last_relu or i < 2:
            expected = expected.clip(0)
    numpy.testing.assert_allclose(Y[0].asnumpy(), expected, rtol=1e-4, atol=1e-5)


def test_mlpconv_without_batch_norm_is_the_block_of_the_paper():
    X = np.random.normal(size=(2, 2, 9, 9))
    outputs = []
    for blk in (nin_block(4, 3, 2, 1), mlpconv(4, 3, 2, 1, batch_norm=False)):
        seed_everything(5)
        blk.initialize(init.Normal(0.5))
        outputs.append(blk(X).asnumpy())
    numpy.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize("num_1x1", [0, 1, 2, 3])
def test_number_of_1x1_layers(num_1x1):
    blk = mlpconv(4, 3, padding=1, num_1x1=num_1x1)
    kernels = [layer._kwargs["kernel"] for layer in blk if isinstance(layer, Conv2D)]
    assert kernels == [(3, 3)] + [(1, 1)] * num_1x1
    assert sum(type(layer).__name__ == "BatchNorm" for layer in blk) == 1 + num_1x1


def test_single_channel_block_does_not_mix():
    seed_everything(3)
    blk = mlpconv(3, 1, batch_norm=False, cross_channel=False, last_relu=False)
    blk.initialize(init.Normal(1))
    X = np.random.normal(size=(1, 3, 4, 4))
    before = blk[2:](X).asnumpy()  # the two 1×1 convolutions
    X[0, 1] += 1
    changed = numpy.abs(blk[2:](X).asnumpy() - before).max(axis=(0, 2, 3)) > 0
    assert not changed[0] and not changed[2]


def test_gradients_against_finite_differences():
    seed_everything(4)
    blk = mlpconv(3, 3, 1, 1, batch_norm=False, last_relu=False)
    blk.initialize(init.Normal(0.7))
    blk(np.zeros((1, 2, 4, 4)))
    blk.cast("float64")
    for parameter in blk.collect_params().values():
        if parameter.name.endswith("bias"):  # at 0 a ReLU may sit on its bend
            parameter.set_data(np.full(parameter.shape, 0.1, dtype="float64"))
    X = np.random.normal(size=(2, 2, 4, 4)).astype("float64")
    coefficients = np.random.normal(size=(2, 3, 4, 4)).astype("float64")

    def objective():
        return (blk(X) * coefficients).sum()

    with autograd.record():
        value = objective()
    value.backward()
    eps, checked = 1e-6, 0
    for parameter in blk.collect_params().values():
        data, gradient = parameter.data(), parameter.grad().asnumpy().ravel()
        values = data.asnumpy()
        for i in range(0, values.size, max(1, values.size // 5)):
            ends = []
            for sign in (1, -1):
                moved = values.copy().ravel()
                moved[i] += sign * eps
                data[:] = np.array(moved.reshape(values.shape), dtype="float64")
                ends.append(float(objective()))
            data[:] = np.array(values, dtype="float64")
            slope = (ends[0] - ends[1]) / (2 * eps)
            assert slope == pytest.approx(gradient[i], rel=1e-5, abs=1e-7)
            checked += 1
    assert checked >= 20


def test_maxout_is_the_maximum():
    X = np.random.normal(size=(2, 6, 3, 4))
    for k in (2, 3):
        expected = X.asnumpy().reshape(2, k, 6 // k, 3, 4).max(axis=1)
        numpy.testing.assert_allclose(Maxout(k)(X).asnumpy(), expected, atol=1e-6)


def test_gap_head_takes_any_size_and_slices_to_class_maps():
    net = nin_classroom()
    net.initialize()
    for size in (20, 28, 45):
        X = np.random.uniform(size=(2, 1, size, size))
        maps = net[:-2](X)
        assert maps.shape[:2] == (2, 10)
        means = maps.mean(axis=(2, 3)).asnumpy()
        numpy.testing.assert_allclose(means, net(X).asnumpy(), rtol=1e-4, atol=1e-5)


def test_options_have_one_meaning_each():
    def names(**options):
        rows = summary(nin_classroom(**options), (1, 1, 28, 28)).layers
        return [row.name for row in rows]

    assert "Batch norm" in names() and "Batch norm" not in names(batch_norm=False)
    assert names(last_relu=True).count("ReLU") == names().count("ReLU") + 1
    assert names(dropout=0.3).count("Dropout 0.3") == 1
    assert names(ceil_mode=False).count("Max pool 3×3/2") == 2
    assert names(head="dense")[-1] == "Dense 10"
    table = summary(nin_classroom(head="dense"), (1, 1, 28, 28))
    assert table.num_params == 1_847_914
    assert names(head="gap_dense")[-3:] == [
        "Global average pool",
        "Flatten",
        "Dense 10",
    ]
    table = summary(nin_classroom(head="gap_dense"), (1, 1, 28, 28))
    assert table.num_params == 137_312 + 128 * 10 + 10


def test_ceil_rounding_agrees_with_mxnet():
    for n in range(3, 40):
        for k, s, p in [(3, 2, 0), (2, 2, 0), (3, 2, 1), (3, 3, 1), (3, 1, 0)]:
            for ceil in (False, True):
                pool = MaxPool2D(k, s, p, ceil_mode=ceil)
                expected = pool(np.zeros((1, 1, n, n))).shape[2]
                assert window_output(n, k, s, p, ceil) == expected, (n, k, s, p, ceil)


# --- known-wrong inputs ---------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nin_block(0, 3), ValueError, "num_channels: expected at least 1"),
        (lambda: nin_block(-1, 3), ValueError, "got -1"),
        (lambda: nin_block("32", 3), TypeError, "num_channels: expected an integer"),
        (lambda: nin_block(True, 3), TypeError, "got True"),
        (lambda: nin_block((1, 2), 3), TypeError, "num_channels: expected an integer"),
        (lambda: mlpconv((1, 2), 3), ValueError, "expected one number or 3 of them"),
        (lambda: mlpconv(4, 3, num_1x1=-1), ValueError, "num_1x1: expected at least 0"),
        (lambda: nin_classroom(norm=True), TypeError, "norm: expected options among"),
        (lambda: mlpconv([4, 4, 0.5], 3), TypeError, "got 0.5"),
        (lambda: Conv2D((4, 4), 3), TypeError, "num_channels: expected an integer"),
        (lambda: nin_block(4, 0), ValueError, "kernel_size: expected at least 1"),
        (lambda: nin_block(4, 2.5), TypeError, "kernel_size: expected an integer"),
        (lambda: nin_block(4, 3, 0), ValueError, "strides: expected at least 1"),
        (lambda: nin_block(4, 3, 1, -1), ValueError, "padding: expected at least 0"),
        (lambda: Conv2D(4, 3, groups=0), ValueError, "groups: expected at least 1"),
        (lambda: Conv2D(4, 3, groups=3), ValueError, "divisor of num_channels=4"),
        (lambda: MaxPool2D(0), ValueError, "pool_size: expected at least 1"),
        (lambda: Dense(0), ValueError, "units: expected at least 1"),
        (lambda: Maxout(1), ValueError, "num_pieces: expected at least 2"),
        (lambda: nin_classroom(0), ValueError, "num_channels: expected at least 1"),
        (
            lambda: nin_classroom(head="fc"),
            ValueError,
            "expected 'gap', 'gap_dense' or 'dense'",
        ),
        (lambda: nin_classroom(dropout=1), ValueError, "dropout: expected 0 ≤"),
        (
            lambda: nin_classroom(widths=(8, 8)),
            ValueError,
            "widths: expected one number or 3",
        ),
        (lambda: vgg(depth=12), ValueError, "expected 11 or 16, got 12"),
    ],
)
def test_wrong_arguments_are_told(call, error, message):
    with pytest.raises(error) as told:
        call()
    assert message in str(told.value)


def used_net():
    net = nin_fashion_mnist()
    net.initialize()
    net(np.zeros((1, 1, 224, 224)))
    return net


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (lambda: np.zeros((1, 1, 28, 28)), ValueError, "smallest image that fits is"),
        (lambda: np.zeros((1, 224, 224)), ValueError, "expected 4 axes (N, C, H, W)"),
        (lambda: np.zeros((1, 3, 224, 224)), ValueError, "expected 1 input channels"),
        (lambda: np.zeros((0, 1, 224, 224)), ValueError, "expected no empty axis"),
        (lambda: numpy.zeros((1, 1, 224, 224)), TypeError, "mxnet.np.array(X)"),
        (lambda: [[1.0]], TypeError, "expected an mxnet.np array"),
    ],
)
@pytest.mark.parametrize("hybridized", [False, True])
def test_wrong_inputs_are_told(X, error, message, hybridized):
    net = used_net()
    if hybridized:
        net.hybridize()
    with pytest.raises(error) as told:
        net(X())
    assert message in str(told.value)
    assert "src/" not in str(told.value), "a C++ trace reached the reader"


def test_smallest_image_is_right():
    net = used_net()
    with pytest.raises(ValueError, match="67×67"):
        net(np.zeros((1, 1, 66, 66)))
    assert net(np.zeros((1, 1, 67, 67))).shape == (1, 10)


def test_dense_head_says_why_another_size_fails():
    net = nin_classroom(head="dense")
    net.initialize()
    net(np.zeros((1, 1, 28, 28)))
    with pytest.raises(ValueError, match="a dense layer fixes the size"):
        net(np.zeros((1, 1, 56, 56)))


def test_a_layer_that_is_added_later_is_checked():
    """In the net itself, and in a block of it, though the shape is no news."""
    inner, X = HybridSequential(), np.zeros((1, 1, 8, 8))
    inner.add(Conv2D(2, 3))
    net = HybridSequential()
    net.add(inner)
    net.initialize()
    net(X)
    too_large = Conv2D(2, 7)
    too_large.initialize()
    inner.add(too_large)
    with pytest.raises(ValueError, match="7×7 is larger than its input of 6×6"):
        net(X)
    net = HybridSequential()
    net.add(Conv2D(2, 3))
    net.initialize()
    net(X)
    net.add(too_large)
    with pytest.raises(ValueError, match="7×7 is larger than its input of 6×6"):
        net(X)


def test_batch_norm_of_another_axis_is_no_mistake():
    net = HybridSequential()
    net.add(nn.BatchNorm(axis=-1))
    net.initialize()
    assert net(np.ones((2, 3, 4, 5))).shape == (2, 3, 4, 5)
    assert net(np.ones((2, 7, 4, 5))).shape == (2, 7, 4, 5)
    with pytest.raises(ValueError, match="expected 5 channels, got 6"):
        net(np.ones((2, 3, 4, 6)))


def test_uninitialized_net_is_told():
    with pytest.raises(RuntimeError, match=r"call net.initialize\(\) first"):
        nin_classroom()(np.zeros((1, 1, 28, 28)))


def test_summary_of_what_does_not_fit():
    with pytest.raises(ValueError, match="smallest image that fits is 67×67"):
        summary(nin_fashion_mnist(), (1, 1, 20, 20))
    with pytest.raises(TypeError, match="can't be traced"):
        summary(lambda X: X, (1, 1))


def test_shared_weights_count_once():
    conv = Conv2D(4, 3, padding=1, in_channels=4)
    net = HybridSequential()
    net.add(conv, Conv2D(4, 3, padding=1, in_channels=4, params=conv.params))
    assert summary(net, (1, 4, 8, 8)).num_params == 4 * 4 * 9 + 4


def test_summary_shows_as_text_and_html():
    table = summary(nin_classroom(), (2, 1, 28, 28))
    assert table.macs == 2 * summary(nin_classroom(), (1, 1, 28, 28)).macs
    assert "156,234" in str(table) and "156,234" in table._repr_html_()
    assert table.by_block().macs == table.macs


def test_pooling_in_front_of_a_convolution_is_named():
    *_, branch = Inception(64, (96, 128), (16, 32), 32)
    net = HybridSequential()
    net.add(branch)
    rows = summary(net, (1, 192, 28, 28)).by_block().layers
    assert [row.name for row in rows] == ["Max pool 3×3/1 pad 1 · 1×1, 32"]


@pytest.mark.parametrize("num_1x1", [0, 1, 3])
def test_widths_for_a_budget(num_1x1):
    def build(widths):
        return nin_classroom(widths=widths, block=partial(mlpconv, num_1x1=num_1x1))

    budget = summary(nin_classroom(), (1, 1, 28, 28)).macs
    widths = widths_for(budget, build, (32, 64, 128), (1, 1, 28, 28))
    macs = summary(build(widths), (1, 1, 28, 28)).macs
    assert len(widths) == 3 and abs(macs / budget - 1) < 0.02
    with pytest.raises(ValueError, match="macs: expected at least"):
        widths_for(10, build, (32, 64, 128), (1, 1, 28, 28))


def test_modern_lenet_differs_in_what_its_docstring_says():
    plain, modern = lenet(), lenet(modern=True)
    assert summary(plain, (1, 1, 28, 28)).num_params == 61_706
    rows = summary(modern, (1, 1, 28, 28))
    assert rows.num_params == 61_706 + 2 * (6 + 16 + 120 + 84)
    assert [row.name for row in rows.layers].count("ReLU") == 4
