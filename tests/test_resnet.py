"""Residual nets: counts against the papers, MXNet's own nets, every option."""

from contextlib import contextmanager

import mxnet as mx
import numpy
import pytest
from mxnet import autograd, init, np, npx
from mxnet.gluon.model_zoo import vision

from d2l_nin.cost import summary
from d2l_nin.resnet import (
    ORDERS,
    SHORTCUTS,
    VARIANTS,
    Bottleneck,
    Residual,
    ResidualBlock,
    resnet18,
    resnet_cifar,
    resnet_classroom,
    resnet_imagenet,
)
from d2l_nin.runtime import seed_everything


@pytest.mark.parametrize(
    ("make", "input_shape", "num_params", "macs"),
    [
        (resnet18, (1, 1, 96, 96), 11_178_378, 319e6),
        (resnet18, (1, 1, 224, 224), 11_178_378, 1735e6),
        (lambda: resnet_imagenet(18), (1, 3, 224, 224), 11_689_512, 1.81e9),
        (lambda: resnet_imagenet(34), (1, 3, 224, 224), 21_797_672, 3.66e9),
        (lambda: resnet_imagenet(50), (1, 3, 224, 224), 25_557_032, 4.09e9),
        (lambda: resnet_imagenet(101), (1, 3, 224, 224), 44_549_160, 7.80e9),
        (lambda: resnet_imagenet(152), (1, 3, 224, 224), 60_192_808, 11.51e9),
        (lambda: resnet_imagenet(50, stride_in_3x3=False), (1, 3, 224, 224),
         25_557_032, 3.86e9),
        (lambda: resnet_cifar(20), (1, 3, 32, 32), 269_722, 40.6e6),
        (lambda: resnet_cifar(32), (1, 3, 32, 32), 464_154, None),
        (lambda: resnet_cifar(44), (1, 3, 32, 32), 658_586, None),
        (lambda: resnet_cifar(56), (1, 3, 32, 32), 853_018, 125.5e6),
        (lambda: resnet_cifar(110), (1, 3, 32, 32), 1_727_962, None),
        (lambda: resnet_cifar(1202), (1, 3, 32, 32), 19_421_274, None),
    ],
)  # fmt: skip
def test_counts_are_the_published_ones(make, input_shape, num_params, macs):
    bill = summary(make(), input_shape)
    assert bill.num_params == num_params
    if macs is not None:
        assert bill.macs == pytest.approx(macs, rel=0.003)


def test_the_bottleneck_saves_seventeen_times():
    def weights(block):
        rows = summary(block, (1, 256, 14, 14)).layers
        return sum(row.num_params for row in rows if row.name.startswith("Conv"))

    assert weights(Bottleneck(256)) == 69_632
    assert weights(Residual(256)) == 1_179_648


def test_plain_twins_have_the_same_size_as_option_a():
    for depth in (8, 20):
        plain = summary(resnet_cifar(depth, shortcut=None), (1, 3, 32, 32))
        residual = summary(resnet_cifar(depth), (1, 3, 32, 32))
        assert plain.num_params == residual.num_params and plain.macs == residual.macs


# --- MXNet's own nets ---------------------------------------------------------------


@contextmanager
def legacy_arrays():
    """MXNet's zoo is written for arrays that are not NumPy's."""
    npx.reset_np()
    try:
        yield
    finally:
        npx.set_np()


def randomized(net, X):
    """Weights and running statistics out of the blue, the same for every order."""
    net.initialize(init.Xavier())
    net(X)
    rng = numpy.random.default_rng(0)
    for name, parameter in net.collect_params().items():
        if parameter._data is None:
            continue
        shape = parameter.shape
        if name.endswith(("gamma", "running_var")):
            value = rng.uniform(0.5, 1.5, shape)
        elif name.endswith(("beta", "running_mean")):
            value = rng.normal(0, 0.1, shape)
        elif name.endswith("bias") and "conv" in name:
            value = numpy.zeros(shape)  # the zoo's 1×1 have one, before batch norm
        else:
            value = rng.normal(0, 0.05, shape)
        parameter.set_data(mx.nd.array(value))
    return net


@pytest.mark.parametrize(
    ("name", "depth", "options"),
    [
        ("resnet18_v1", 18, {}),
        ("resnet34_v1", 34, {}),
        ("resnet50_v1", 50, {"stride_in_3x3": False}),
        ("resnet18_v2", 18, {"order": "full pre-activation"}),
        ("resnet50_v2", 50, {"order": "full pre-activation"}),
    ],
)
def test_outputs_are_those_of_the_model_zoo(name, depth, options):
    X = numpy.random.default_rng(1).normal(size=(2, 3, 64, 64)).astype("float32")
    with legacy_arrays():
        zoo = randomized(getattr(vision, name)(), mx.nd.array(X))
        parameters = list(zoo.collect_params().values())
        if name.endswith("v2"):  # it begins with a batch norm of the image
            _, beta, mean, var = (p.data().asnumpy() for p in parameters[:4])
            parameters = parameters[4:]
        expected = zoo(mx.nd.array(X)).asnumpy()
        values = [
            p.data().asnumpy()
            for p in parameters
            if not (p.name.endswith("bias") and "conv" in p.name)
        ]
    if name.endswith("v2"):
        shape = (1, 3, 1, 1)
        X = (X - mean.reshape(shape)) / numpy.sqrt(var + 1e-5).reshape(shape)
        X = (X + beta.reshape(shape)).astype("float32")  # its gamma is fixed at 1
    net = resnet_imagenet(depth, **options)
    net.initialize()
    net(np.array(X))
    ours = list(net.collect_params().values())
    assert len(ours) == len(values)
    for parameter, value in zip(ours, values):
        parameter.set_data(np.array(value))
    found = net(np.array(X)).asnumpy()
    assert numpy.abs(expected).max() > 0.01
    numpy.testing.assert_allclose(
        found, expected, rtol=1e-3, atol=1e-4 * abs(expected).max()
    )


# --- options ------------------------------------------------------------------------


def block(X, **options):
    seed_everything(0)
    net = Residual(X.shape[1], **options)
    net.initialize(init.MSRAPrelu("in", 0))
    net(X)
    return net


X = np.array(numpy.random.default_rng(0).normal(size=(2, 4, 6, 6)), dtype="float32")


def relu(v):
    return numpy.maximum(v, 0)


@pytest.mark.parametrize(
    ("options", "formula"),
    [
        ({"shortcut": None}, lambda x, f, net: relu(f)),
        ({"shortcut": "identity"}, lambda x, f, net: relu(x + f)),
        ({"variant": "scale"}, lambda x, f, net: relu(0.5 * x + 0.5 * f)),
        ({"variant": "dropout"}, lambda x, f, net: relu(x + f)),  # in evaluation
        ({"variant": "exclusive gate"},
         lambda x, f, net: relu((1 - net.gate(X).asnumpy()) * x
                                + net.gate(X).asnumpy() * f)),
        ({"variant": "shortcut gate"},
         lambda x, f, net: relu((1 - net.gate(X).asnumpy()) * x + f)),
        ({"shortcut": "projection everywhere"},
         lambda x, f, net: relu(net.projection(X).asnumpy() + f)),
        ({"order": "ReLU before addition"}, lambda x, f, net: x + f),
        ({"order": "full pre-activation"}, None),
        ({"order": "ReLU-only pre-activation"}, None),
    ],
)  # fmt: skip
def test_blocks_against_their_formula(options, formula):
    net = block(X, **options)
    Y = net(X).asnumpy()
    if formula is None:  # pre-activation: nothing behind the addition
        f = net.residual(net.first(X)).asnumpy()
        numpy.testing.assert_allclose(Y, X.asnumpy() + f, atol=1e-5)
        return
    f = net.residual(X).asnumpy()
    numpy.testing.assert_allclose(Y, formula(X.asnumpy(), f, net), atol=1e-5)


def test_batch_norm_after_addition():
    net = block(X, order="batch norm after addition")
    total = np.array(X.asnumpy() + net.residual(X).asnumpy())
    numpy.testing.assert_allclose(
        net(X).asnumpy(), net.last(total).asnumpy(), atol=1e-5
    )
    assert [type(layer).__name__ for layer in net.last] == ["BatchNorm", "Activation"]


@pytest.mark.parametrize("out_channels", [4, 8, 7, 12])
@pytest.mark.parametrize("strides", [1, 2])
def test_zero_padding_keeps_values_and_adds_zeros(out_channels, strides):
    net = Residual(out_channels, strides, in_channels=4, shortcut="zero-pad")
    net.initialize(init.MSRAPrelu("in", 0))
    Y, f = net(X).asnumpy(), None
    f = net.residual(X).asnumpy()
    padded = numpy.zeros_like(f)
    padded[:, :4] = X.asnumpy()[:, :, ::strides, ::strides]
    numpy.testing.assert_allclose(Y, relu(padded + f), atol=1e-5)
    net.hybridize()
    numpy.testing.assert_allclose(net(X).asnumpy(), Y, atol=1e-5)


OPTIONS = [
    {"shortcut": shortcut, "variant": variant, "order": order}
    for shortcut in SHORTCUTS
    for variant in VARIANTS
    for order in ORDERS
    if variant is None or shortcut not in (None, "projection everywhere")
]


@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda o: "-".join(map(str, o.values()))
)
def test_every_combination_is_a_net(options):
    """Hybridized and not, forwards and backwards, counted as MXNet holds it."""
    seed_everything(0)
    if options["shortcut"] == "identity":
        net = Residual(4, **options)
    else:
        net = resnet_cifar(8, **options)
    net.initialize(init.MSRAPrelu("in", 0))
    X = np.random.normal(
        size=(2, 4 if options["shortcut"] == "identity" else 1, 12, 12)
    )
    plain = net(X).asnumpy()
    net.hybridize()
    numpy.testing.assert_allclose(net(X).asnumpy(), plain, rtol=1e-3, atol=1e-4)
    with autograd.record():
        loss = (net(X) ** 2).sum()
    loss.backward()
    trained = [p for p in net.collect_params().values() if p.grad_req != "null"]
    assert all(numpy.isfinite(p.grad().asnumpy()).all() for p in trained)
    weights = [p for p in trained if p.name.endswith("weight")]
    assert all(float(np.abs(p.grad()).sum()) > 0 for p in weights)
    assert summary(net, X.shape).num_params == sum(
        int(numpy.prod(p.shape)) for p in trained
    )


def test_the_derivative_of_the_shortcut_is_one():
    """H = F + x on a block without a ReLU behind, by finite differences in float64."""
    net = block(X, order="full pre-activation")
    for parameter in net.collect_params().values():
        parameter.cast("float64")
    x = X.astype("float64")
    direction = np.array(numpy.random.default_rng(2).normal(size=x.shape))
    eps = 1e-5

    def slope(f):
        return ((f(x + eps * direction) - f(x - eps * direction)) / (2 * eps)).asnumpy()

    total = slope(net)
    function = slope(lambda x: net.residual(net.first(x)))
    numpy.testing.assert_allclose(total, function + direction.asnumpy(), atol=1e-6)


def test_a_gate_begins_open():
    net = block(X, variant="shortcut gate", gate_bias=-6.0)
    net.gate.weight.set_data(np.zeros(net.gate.weight.shape))
    assert net.gate(X).asnumpy() == pytest.approx(1 / (1 + numpy.exp(6)), rel=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Residual(8, shortcut="skip"),
            "shortcut: expected one of None, .* 'skip'",
        ),
        (lambda: Residual(8, variant="half"), "variant: expected one of"),
        (lambda: Residual(8, order="pre"), "order: expected one of 'original'"),
        (
            lambda: Residual(8, 2, shortcut="identity"),
            "from 8 to 8 channels with strides=2",
        ),
        (
            lambda: Residual(8, in_channels=4, shortcut="identity"),
            "from 4 to 8 channels",
        ),
        (
            lambda: Residual(16, in_channels=32, shortcut="zero-pad"),
            "'zero-pad' adds channels .* from 32 to 16 channels. Use 'projection'",
        ),
        (lambda: Residual(8, shortcut=None, variant="scale"), "which has none"),
        (lambda: Residual(0), "num_channels: expected at least 1"),
        (lambda: Bottleneck(30), "multiple of 4, got 30"),
        (lambda: resnet_cifar(21), r"expected 6n \+ 2, such as 20 or 56, got 21"),
        (lambda: resnet_imagenet(19), "expected one of 18, 34, 50, 101, 152, got 19"),
        (
            lambda: resnet_classroom(num_blocks=(2, 2)),
            r"one number of both for each stage, got \(2, 2\) and \(32, 64, 128\)",
        ),
        (lambda: resnet_classroom(num_blocks=(), widths=()), "for each stage"),
    ],
)
def test_wrong_arguments_are_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_channels_are_told_with_the_remedy():
    net = Residual(8)
    net.initialize()
    with pytest.raises(
        ValueError, match=r"expected 8 input channels, got 4.*in_channels=4"
    ):
        net(X)


def test_classroom_net():
    net = resnet_classroom()
    net.initialize(init.MSRAPrelu("in", 0))
    assert net(np.zeros((2, 1, 28, 28))).shape == (2, 10)
    rows = summary(net, (1, 1, 28, 28)).by_block().layers
    heights = [row.shape[2] for row in rows if len(row.shape) == 4]
    assert heights[0] == 14 and heights[-2:] == [4, 1]


def test_classroom_net_of_other_widths():
    wide, narrow = (
        summary(resnet_classroom(widths=widths), (1, 1, 28, 28))
        for widths in ((32, 64, 128), (16, 32, 64))
    )
    assert [row.shape[1] for row in narrow.by_block().layers][-3] == 64
    assert wide.macs == pytest.approx(4 * narrow.macs, rel=0.05)


def test_the_first_form_is_residual_with_an_identity():
    seed_everything(0)
    X = np.random.normal(size=(2, 5, 7, 6))
    first, whole = ResidualBlock(5), Residual(5, shortcut="identity")
    for net in (first, whole):
        net.initialize(init.Xavier())
        net(X)
    pairs = zip(first.collect_params().values(), whole.collect_params().values())
    for mine, theirs in pairs:
        theirs.set_data(mine.data())
    expected = whole(X).asnumpy()
    numpy.testing.assert_allclose(first(X).asnumpy(), expected, rtol=1e-5, atol=1e-6)
    first.hybridize()
    numpy.testing.assert_allclose(first(X).asnumpy(), expected, rtol=1e-5, atol=1e-6)
